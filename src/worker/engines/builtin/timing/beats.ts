import type { Features } from '../hearing/features.ts';
import type { BeatGrid } from './fold.ts';

export const bands = ['full', 'low', 'mid', 'high', 'energy'] as const;
export type Band = (typeof bands)[number];

/** Envelopes that give the strongest attack within 9 ms of a frame, and the changes of harmony and loudness, by frame of their own. */
export interface Strengths {
  hopMs: number;
  durationMs: number;
  near: Record<Band, Float32Array>;
  /** Mean of each envelope of `near`. */
  means: Record<Band, number>;
  features: Features;
}

const reachFrames = 3;

export function strengthsOf(features: Features): Strengths {
  const near = {} as Record<Band, Float32Array>;
  const means = {} as Record<Band, number>;
  for (const band of bands) {
    near[band] = runningMaximum(features[band], reachFrames);
    means[band] = near[band].reduce((sum, value) => sum + value, 0) / near[band].length + 1e-6;
  }
  return { hopMs: features.hopMs, durationMs: features.frames * features.hopMs, near, means, features };
}

function runningMaximum(values: Float32Array, reach: number): Float32Array {
  return values.map((_, i) => {
    let most = 0;
    for (let k = Math.max(0, i - reach); k <= Math.min(values.length - 1, i + reach); k += 1)
      if (values[k]! > most) most = values[k]!;
    return most;
  });
}

/** Beats of a grid that lie wholly in the song. */
export function beatCount({ durationMs }: Strengths, { beatMs, phaseMs }: BeatGrid): number {
  return Math.max(0, Math.floor((durationMs - phaseMs) / beatMs));
}

/** Strength of a band at a place in every beat (0 the beat, 0.5 the off-beat), relative to the band's mean. */
export function atBeats(strengths: Strengths, band: Band, grid: BeatGrid, place: number): Float32Array {
  const values = strengths.near[band];
  const scale = 1 / strengths.means[band];
  const out = new Float32Array(beatCount(strengths, grid));
  for (let n = 0; n < out.length; n += 1) {
    const frame = Math.round((grid.phaseMs + (n + place) * grid.beatMs) / strengths.hopMs);
    out[n] = (values[frame] ?? 0) * scale;
  }
  return out;
}

/**
 * How much the harmony changes at a place in every beat: 1 − the likeness of the pitch classes of the `reach` beats before and after.
 * In silence 0.
 */
export function harmonyChange({ features }: Strengths, grid: BeatGrid, count: number, place: number, reach: number) {
  const { chroma, chromaHopMs } = features;
  const frames = chroma.length / 12;
  const sumBetween = (from: number, to: number) => {
    const sum = new Float64Array(12);
    const first = Math.max(0, Math.ceil(from / chromaHopMs));
    for (let frame = first; frame <= Math.min(frames - 1, to / chromaHopMs); frame += 1)
      for (let pitch = 0; pitch < 12; pitch += 1) sum[pitch]! += chroma[frame * 12 + pitch]!;
    return sum;
  };
  return Float32Array.from({ length: count }, (_, n) => {
    const at = grid.phaseMs + (n + place) * grid.beatMs;
    const before = sumBetween(at - reach * grid.beatMs, at - chromaHopMs);
    const after = sumBetween(at + chromaHopMs, at + reach * grid.beatMs);
    let [dot, a, b] = [0, 0, 0];
    for (let pitch = 0; pitch < 12; pitch += 1) {
      dot += before[pitch]! * after[pitch]!;
      a += before[pitch]! ** 2;
      b += after[pitch]! ** 2;
    }
    return a > 0 && b > 0 ? 1 - dot / Math.sqrt(a * b) : 0;
  });
}

export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return values.length > 0 ? sum / values.length : 0;
};

/** Mean product of a sequence with itself `lag` later, over its mean square, after its mean is taken off. */
export function likeness(rows: Float32Array[], lag: number): number {
  let [product, square] = [0, 0];
  for (const row of rows) {
    const centre = mean(row);
    for (let n = 0; n < row.length; n += 1) {
      square += (row[n]! - centre) ** 2;
      if (n + lag < row.length) product += (row[n]! - centre) * (row[n + lag]! - centre);
    }
  }
  return square > 0 ? product / square : 0;
}
