import type { Features } from '../hearing/features.ts';
import { attackSpectrum, tempoPeaks } from './tempo.ts';

/** A stretch of the song on one beat grid: beats at phaseMs + n · 60 000 / bpm from startMs on. */
export interface Section {
  startMs: number;
  endMs: number;
  bpm: number;
  phaseMs: number;
}

export interface SectionSearch {
  /** Length of the windows whose own tempo is looked for, ms. */
  windowMs: number;
  /** How many tempi may take part. */
  tempi: number;
  /** What a change must gain, in ordinary beats. */
  changeCost: number;
}

export const ordinarySearch: SectionSearch = { windowMs: 8000, tempi: 24, changeCost: 14 };
export const thoroughSearch: SectionSearch = { windowMs: 5000, tempi: 64, changeCost: 9 };

const stepMs = 500;
const windowStepMs = 2000;
/** Tempi further from the main one are taken for another way of counting. */
const furthest = 1.6;
const peaksOfWindow = 2;
const offBeatWeight = 0.35;
const binMs = 6;

/** What marks a beat, frame by frame, the song's mean taken off. */
export function beatStrength({ full, low, mid }: Features): Float32Array {
  const raw = full.map((value, i) => value + 0.3 * low[i]! + 0.5 * mid[i]!);
  const smooth = raw.map((value, i) => 0.5 * value + 0.25 * ((raw[i - 1] ?? 0) + (raw[i + 1] ?? 0)));
  const centre = smooth.reduce((sum, value) => sum + value, 0) / Math.max(1, smooth.length);
  return smooth.map((value) => value - centre);
}

/** Tempi of windows of the song near the main one, those that most windows have first; the main one is first of all. */
function localTempi(features: Features, main: number, { windowMs, tempi }: SectionSearch): number[] {
  const { hopMs, frames } = features;
  const length = Math.round(windowMs / hopMs);
  const votes = new Map<number, number>();
  for (let from = 0; from + length <= frames; from += Math.round(windowStepMs / hopMs)) {
    const magnitude = attackSpectrum(features.full, hopMs, from, from + length);
    const peaks = tempoPeaks(magnitude, main / furthest, main * furthest, 0.2).slice(0, peaksOfWindow);
    for (const { bpm, score } of peaks) {
      const key = Math.round(bpm * 2) / 2;
      votes.set(key, (votes.get(key) ?? 0) + score / peaks[0]!.score);
    }
  }
  const ranked = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([bpm]) => bpm);
  const chosen = [main];
  for (const bpm of ranked) {
    if (chosen.length >= tempi) break;
    if (!chosen.some((known) => Math.abs(known - bpm) < 0.3)) chosen.push(bpm);
  }
  return chosen;
}

interface State {
  bpm: number;
  bin: number;
  bins: number;
}

/**
 * The song cut into stretches of one tempo and phase: the best path through all grids of the tempi heard anywhere in it, where each
 * change costs as much as `changeCost` ordinary beats.
 */
export function findSections(
  features: Features,
  main: { bpm: number; phaseMs: number },
  search: SectionSearch,
): Section[] {
  const strength = beatStrength(features);
  const tempi = localTempi(features, main.bpm, search);
  const steps = Math.max(1, Math.ceil((features.frames * features.hopMs) / stepMs));
  const states: State[] = [];
  const rows: Float32Array[] = [];
  for (const bpm of tempi) {
    const grids = gridScores(strength, features.hopMs, 60_000 / bpm, steps, bpm / main.bpm);
    grids.forEach((row, bin) => {
      states.push({ bpm, bin, bins: grids.length });
      rows.push(row);
    });
  }
  const ordinary = Math.max(0.5, gridMean(strength, features.hopMs, main));
  favourMain(states, rows, main, ordinary);
  const path = bestPath(rows, steps, search.changeCost * ordinary);
  const sections: Section[] = [];
  path.forEach((state, step) => {
    const last = sections.at(-1);
    const { bpm, bin, bins } = states[state]!;
    if (last && path[step - 1] === state) last.endMs = (step + 1) * stepMs;
    else
      sections.push({
        startMs: step * stepMs,
        endMs: (step + 1) * stepMs,
        bpm,
        phaseMs: ((bin + 0.5) / bins) * (60_000 / bpm),
      });
  });
  return sections;
}

const mainFavour = 0.25;
const mainReachMs = 15;

/** The main grid was chosen by more than its strength, so it counts for more in every step. */
function favourMain(states: State[], rows: Float32Array[], main: { bpm: number; phaseMs: number }, ordinary: number) {
  const beatMs = 60_000 / main.bpm;
  const favour = (mainFavour * ordinary * stepMs) / beatMs;
  states.forEach(({ bpm, bin, bins }, i) => {
    if (bpm !== main.bpm) return;
    const apart = Math.abs((((bin + 0.5) / bins - main.phaseMs / beatMs + 2.5) % 1) - 0.5) * beatMs;
    if (apart <= mainReachMs) rows[i] = rows[i]!.map((value) => value + favour);
  });
}

/** For every phase of a tempo how much strength lies on its beats (and off-beats, counting less) in each step. */
function gridScores(strength: Float32Array, hopMs: number, periodMs: number, steps: number, rate: number) {
  const bins = 2 * Math.round(periodMs / binMs / 2);
  const width = periodMs / bins;
  const sums = Array.from({ length: bins }, () => new Float32Array(steps));
  const share = hopMs / width / rate;
  for (let i = 0; i < strength.length; i += 1) {
    const time = i * hopMs;
    const bin = Math.floor((time % periodMs) / width) % bins;
    sums[bin]![Math.min(steps - 1, Math.floor(time / stepMs))]! += strength[i]! * share;
  }
  return sums.map((row, bin) => {
    const off = sums[(bin + bins / 2) % bins]!;
    return row.map((value, step) => value + offBeatWeight * off[step]!);
  });
}

/** Mean strength on the beats of a grid. */
export function gridMean(strength: Float32Array, hopMs: number, grid: { bpm: number; phaseMs: number }): number {
  const { sum, count } = gridSum(strength, hopMs, grid, 0, strength.length * hopMs);
  return count > 0 ? sum / count : 0;
}

/** Sum of the strength on a grid's beats in [from, to), ms; each beat takes the best of ± one frame. */
export function gridSum(
  strength: Float32Array,
  hopMs: number,
  { bpm, phaseMs }: { bpm: number; phaseMs: number },
  from: number,
  to: number,
) {
  const beatMs = 60_000 / bpm;
  let [sum, count] = [0, 0];
  for (let n = Math.ceil((from - phaseMs) / beatMs); phaseMs + n * beatMs < to; n += 1) {
    const at = Math.round((phaseMs + n * beatMs) / hopMs);
    sum += Math.max(strength[at - 1] ?? -1, strength[at] ?? -1, strength[at + 1] ?? -1);
    count += 1;
  }
  return { sum, count };
}

/** Viterbi with one cost for every change of state. */
function bestPath(rows: Float32Array[], steps: number, cost: number): number[] {
  const count = rows.length;
  const score = new Float64Array(count);
  const cameFrom: (Int32Array | undefined)[] = [];
  const changed = new Int32Array(steps);
  for (let step = 0; step < steps; step += 1) {
    let best = 0;
    for (let i = 1; i < count; i += 1) if (score[i]! > score[best]!) best = i;
    const bound = score[best]! - cost;
    const stays = new Int32Array(Math.ceil(count / 32));
    for (let i = 0; i < count; i += 1) {
      if (step === 0 || score[i]! >= bound) stays[i >> 5]! |= 1 << (i & 31);
      else score[i] = bound;
      score[i]! += rows[i]![step]!;
    }
    changed[step] = best;
    cameFrom.push(stays);
  }
  let state = 0;
  for (let i = 1; i < count; i += 1) if (score[i]! > score[state]!) state = i;
  const path = new Array<number>(steps);
  for (let step = steps - 1; step >= 0; step -= 1) {
    path[step] = state;
    const stays = cameFrom[step]!;
    if ((stays[state >> 5]! & (1 << (state & 31))) === 0) state = changed[step]!;
  }
  return path;
}
