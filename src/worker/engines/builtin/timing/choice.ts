import type { Features } from '../hearing/features.ts';
import { atBeats, bands, beatCount, harmonyChange, likeness, mean, type Strengths } from './beats.ts';
import { refineTempo } from './drift.ts';
import { fold, peakPlace, peaksOf, type BeatGrid } from './fold.ts';
import { beatWeights } from './weights.ts';
import { attackSpectrum, harmonicSum, tempoPeaks, type TempoPeak } from './tempo.ts';

/** A tempo and phase that the song may have, and what speaks for it. */
export interface Candidate extends BeatGrid {
  bpm: number;
  evidence: number[];
}

/** Tempi that are mistaken for each other. */
const ratios = [1, 2, 1 / 2, 3 / 2, 2 / 3, 4 / 3, 3 / 4, 3, 1 / 3, 4, 1 / 4];
const slowest = 45;
const fastest = 320;
const otherPeaks = 3;
const phasesTried = 4;

export interface Beat extends BeatGrid {
  bpm: number;
  /** How sure the choice is among the candidates, 0 to 1. */
  share: number;
}

/** The beat of a song; a given tempo (BPM) is taken as it is, and only its phase is looked for. */
export function chooseBeat(features: Features, strengths: Strengths, given?: number): Beat {
  const candidates = beatCandidates(features, strengths, given);
  const scores = candidates.map(({ evidence }) => dot(evidence, beatWeights));
  const most = Math.max(...scores);
  const odds = scores.map((score) => Math.exp(score - most));
  const { bpm, beatMs, phaseMs } = candidates[Math.max(0, scores.indexOf(most))]!;
  return { bpm, beatMs, phaseMs, share: 1 / odds.reduce((sum, value) => sum + value, 0) };
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** The attacks folded at a period, the parts that mark beats counting more. */
export function beatProfile(features: Features, beatMs: number, from?: number, to?: number) {
  const full = fold(features.full, features.hopMs, beatMs, from, to);
  const low = fold(features.low, features.hopMs, beatMs, from, to).values;
  const mid = fold(features.mid, features.hopMs, beatMs, from, to).values;
  return { values: full.values.map((value, i) => value + 0.3 * low[i]! + 0.5 * mid[i]!), binMs: full.binMs };
}

/**
 * Tempi and phases that may be the song's: the best tempi of the attacks' spectrum and what they are mistaken for; the strongest
 * places in the beat and the off-beat of the strongest.
 */
export function beatCandidates(features: Features, strengths: Strengths, given?: number): Candidate[] {
  const magnitude = attackSpectrum(features);
  const tempi = given === undefined ? candidateTempi(features, tempoPeaks(magnitude)) : [given];
  const strongest = Math.max(...tempi.map((bpm) => harmonicSum(magnitude, bpm)));
  const candidates = tempi.flatMap((bpm) => {
    const beatMs = 60_000 / bpm;
    const { values, binMs } = beatProfile(features, beatMs);
    const peaks = peaksOf(values);
    const top = peaks[0] ?? { bin: 0, value: 0 };
    const chosen = peaks.slice(0, phasesTried).filter(({ value }) => value >= 0.3 * top.value);
    const opposite = (top.bin + Math.round(values.length / 2)) % values.length;
    const places = chosen.length === 0 ? [0] : chosen.map(({ bin }) => peakPlace(values, bin));
    if (!places.some((place) => Math.abs(place - opposite) * binMs < 30)) places.push(opposite);
    return places.map((place) => ({ bpm, beatMs, phaseMs: (((place * binMs) % beatMs) + beatMs) % beatMs }));
  });
  return candidates.map((grid) => ({
    ...grid,
    evidence: [Math.log(0.02 + harmonicSum(magnitude, grid.bpm) / (strongest + 1e-9)), ...evidenceOf(strengths, grid)],
  }));
}

function candidateTempi(features: Features, peaks: TempoPeak[]): number[] {
  const base = refineTempo(features, peaks[0]?.bpm ?? 120).bpm;
  const tempi = ratios.map((ratio) => Math.round(base * ratio * 1000) / 1000);
  const apart = (bpm: number) => tempi.every((known) => Math.abs(known / bpm - 1) > 0.01);
  for (const { bpm } of peaks.slice(1, 1 + otherPeaks)) if (apart(bpm)) tempi.push(refineTempo(features, bpm).bpm);
  return tempi.filter((bpm) => bpm >= slowest && bpm <= fastest);
}

const log = (value: number) => Math.log(0.2 + value);

/** What speaks for a grid, in the order of the weights in `weights.ts`. */
function evidenceOf(strengths: Strengths, grid: BeatGrid & { bpm: number }): number[] {
  const at = bands.map((band) => [0, 1 / 4, 1 / 2, 3 / 4].map((place) => atBeats(strengths, band, grid, place)));
  const levels = at.map((places) => places.map(mean));
  const [full, low, mid, high] = levels as [number[], number[], number[], number[]];
  const thirds = mean(atBeats(strengths, 'full', grid, 1 / 3)) + mean(atBeats(strengths, 'full', grid, 2 / 3));
  const octaves = Math.log2(grid.bpm / 150);
  const rows = at.flat();
  const beats = beatCount(strengths, grid);
  const reach = Math.max(1, Math.round(500 / grid.beatMs));
  const changes = [0, 1 / 2].map((place) => harmonyChange(strengths, grid, beats, place, reach));
  const change = changes.map(mean);
  const [, dl, dm, dh] = at.map((places) => contrast(places[0]!)) as [number, number, number, number];
  return [
    octaves,
    octaves ** 2,
    Math.max(0, -octaves - 0.8),
    Math.max(0, octaves - 0.5),
    Math.abs(grid.bpm - Math.round(grid.bpm)) < 0.02 ? 1 : 0,
    ...[full, low, mid, high].map((level) => log(level[0]!)),
    ...[full, low, mid, high].map((level) => log(level[2]!)),
    ...[full, low, mid, high].map((level) => log((level[1]! + level[3]!) / 2)),
    log(thirds / 2),
    ...at.map((places) => Math.abs(contrast(places[0]!))),
    10 * dl * dm,
    10 * dl * dh,
    10 * dm * dh,
    Math.abs(contrast(changes[0]!)),
    ...[1, 2, 3, 4, 6, 8].map((lag) => likeness(rows, lag)),
    10 * (change[0]! - change[1]!),
    10 * change[0]!,
  ];
}

/** How much stronger even beats are than odd ones, −1 to 1. */
function contrast(values: Float32Array): number {
  const even = mean(values.filter((_, i) => i % 2 === 0));
  const odd = mean(values.filter((_, i) => i % 2 === 1));
  return (even - odd) / (even + odd + 1e-6);
}
