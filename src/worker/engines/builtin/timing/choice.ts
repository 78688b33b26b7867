import type { Features } from '../hearing/features.ts';
import type { Strengths } from './beats.ts';
import { refineTempo } from './drift.ts';
import { phaseEvidence, songPulse, tempoEvidence } from './evidence.ts';
import { fold, peakPlace, peaksOf, type BeatGrid } from './fold.ts';
import { attackSpectrum, harmonicSum, tempoPeaks } from './tempo.ts';
import { phaseWeights, tempoWeights } from './weights.ts';

/** A grid that the song may have, and what speaks for it. */
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

/**
 * The beat of a song: the best phase of every tempo, then the best of these. A given tempo (BPM) is taken as it is, and only its phase
 * is looked for.
 */
export function chooseBeat(features: Features, strengths: Strengths, given?: number): Beat {
  if (given !== undefined) return choosePhase(features, strengths, given);
  const candidates = tempoCandidates(features, strengths);
  const { chosen, share } = best(
    candidates,
    candidates.map(({ evidence }) => dot(evidence, tempoWeights)),
  );
  const { bpm, beatMs, phaseMs } = chosen;
  return { bpm, beatMs, phaseMs, share };
}

/** The best phase of a tempo. */
export function choosePhase(features: Features, strengths: Strengths, bpm: number): Beat {
  const candidates = phaseCandidates(features, strengths, bpm);
  const { chosen, share } = best(
    candidates,
    candidates.map(({ evidence }) => dot(evidence, phaseWeights)),
  );
  return { bpm, beatMs: chosen.beatMs, phaseMs: chosen.phaseMs, share };
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** The one with the highest score, the first of equals, and its share of the odds. */
function best<T>(candidates: T[], scores: number[]): { chosen: T; share: number } {
  const most = Math.max(...scores);
  const odds = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  return { chosen: candidates[Math.max(0, scores.indexOf(most))]!, share: 1 / odds };
}

/** The attacks folded at a period, the parts that mark beats counting more. */
export function beatProfile(features: Features, beatMs: number, from?: number, to?: number) {
  const full = fold(features.full, features.hopMs, beatMs, from, to);
  const low = fold(features.low, features.hopMs, beatMs, from, to).values;
  const mid = fold(features.mid, features.hopMs, beatMs, from, to).values;
  return { values: full.values.map((value, i) => value + 0.3 * low[i]! + 0.5 * mid[i]!), binMs: full.binMs };
}

/** Phases that a tempo may have: the strongest places in the beat, and the off-beat of the strongest. At least one. */
export function phaseCandidates(features: Features, strengths: Strengths, bpm: number): Candidate[] {
  const beatMs = 60_000 / bpm;
  const { values, binMs } = beatProfile(features, beatMs);
  const peaks = peaksOf(values);
  const top = peaks[0] ?? { bin: 0, value: 0 };
  const chosen = peaks.slice(0, phasesTried).filter(({ value }) => value >= 0.3 * top.value);
  const opposite = (top.bin + Math.round(values.length / 2)) % values.length;
  const places = chosen.length === 0 ? [0] : chosen.map(({ bin }) => peakPlace(values, bin));
  if (!places.some((place) => Math.abs(place - opposite) * binMs < 30)) places.push(opposite);
  return places.map((place) => {
    const grid = { bpm, beatMs, phaseMs: (((place * binMs) % beatMs) + beatMs) % beatMs };
    return { ...grid, evidence: phaseEvidence(strengths, grid) };
  });
}

/** Tempi that the song may have, each on its best phase: the best of the attacks' spectrum and what they are mistaken for. */
export function tempoCandidates(features: Features, strengths: Strengths): Candidate[] {
  const magnitude = attackSpectrum(features.full, features.hopMs);
  const pulse = songPulse(features);
  const tempi = candidateTempi(features, tempoPeaks(magnitude));
  const strongest = Math.max(...tempi.map((bpm) => harmonicSum(magnitude, bpm)));
  return tempi.map((bpm) => {
    const grid = choosePhase(features, strengths, bpm);
    const periodic = Math.log(0.02 + harmonicSum(magnitude, bpm) / (strongest + 1e-9));
    return { ...grid, evidence: [periodic, ...tempoEvidence(strengths, pulse, grid)] };
  });
}

function candidateTempi(features: Features, peaks: { bpm: number }[]): number[] {
  const base = refineTempo(features, peaks[0]?.bpm ?? 120).bpm;
  const tempi = ratios.map((ratio) => Math.round(base * ratio * 1000) / 1000);
  const apart = (bpm: number) => tempi.every((known) => Math.abs(known / bpm - 1) > 0.01);
  for (const { bpm } of peaks.slice(1, 1 + otherPeaks)) if (apart(bpm)) tempi.push(refineTempo(features, bpm).bpm);
  return tempi.filter((bpm) => bpm >= slowest && bpm <= fastest);
}
