import type { Features } from '../hearing/features.ts';
import { atBeats, beatCount, harmonyChange, likeness, mean, type Strengths } from './beats.ts';
import type { BeatGrid } from './fold.ts';
import { attackSpectrum, type Magnitude } from './tempo.ts';

const log = (value: number) => Math.log(0.2 + value);

/** What speaks for a phase against others of its tempo, in the order of `phaseWeights`; all of it speaks for the grid where it is large. */
export function phaseEvidence(strengths: Strengths, grid: BeatGrid): number[] {
  const at = (place: number) => log(mean(atBeats(strengths, 'energy', grid, place)));
  const [low, mid, high, energy] = (['low', 'mid', 'high', 'energy'] as const).map((band) =>
    atBeats(strengths, band, grid, 0),
  );
  return [
    log(mean(energy!)),
    at(3 / 4) - at(1 / 4),
    takingTurns(low!, energy!),
    -takingTurns(mid!, high!),
    preferringOneOfFour(low!),
  ];
}

/** What a song is asked once for all its tempi. */
export interface SongPulse {
  low: Magnitude;
  energy: Magnitude;
  /** How many times more loud notes a second than in most songs there are, octaves. */
  density: number;
}

/** Ordinary tempo, BPM, and loud notes a second at which no other is more usual: where the weights of the fit have their zero. */
const usualBpm = 150;
const usualRate = 1.8;
const loud = 3;
const apartMs = 25;

export function songPulse(features: Features): SongPulse {
  const { low, energy, hopMs } = features;
  const reach = Math.round(apartMs / hopMs);
  let notes = 0;
  for (let i = reach; i < energy.length - reach; i += 1) if (energy[i]! >= loud && isTop(energy, i, reach)) notes += 1;
  const rate = notes / ((energy.length * hopMs) / 1000);
  return {
    low: attackSpectrum(low, hopMs),
    energy: attackSpectrum(energy, hopMs),
    density: Math.log2((0.3 + rate) / (0.3 + usualRate)),
  };
}

function isTop(values: Float32Array, at: number, reach: number): boolean {
  for (let k = 1; k <= reach; k += 1) if (values[at - k]! > values[at]! || values[at + k]! >= values[at]!) return false;
  return true;
}

/**
 * What speaks for a tempo, the periodicity aside, in the order of `tempoWeights`; all of it speaks for the tempo where it is large. The first
 * two are the prior: log-normal, its centre the faster the more loud notes there are.
 */
export function tempoEvidence(strengths: Strengths, pulse: SongPulse, grid: BeatGrid): number[] {
  const octaves = Math.log2(60_000 / grid.beatMs / usualBpm);
  const [full, low, mid, high, energy] = (['full', 'low', 'mid', 'high', 'energy'] as const).map((band) =>
    atBeats(strengths, band, grid, 0),
  );
  const reach = Math.max(1, Math.round(harmonyReachMs / grid.beatMs));
  const change = harmonyChange(strengths, grid, beatCount(strengths, grid), 0, reach);
  const everyFourth = [0, 1, 2, 3].map((place) => mean(change.filter((_, n) => n % 4 === place)));
  return [
    -(octaves ** 2),
    octaves * pulse.density,
    log(mean(full!)),
    log(mean(energy!)),
    likeness([full!, low!, mid!, high!], 8),
    100 * (Math.max(...everyFourth) - mean(everyFourth)),
    takingTurns(low!, energy!),
    preferringOneOfFour(low!),
    shareOf(pulse.low, grid, 4),
    -shareOf(pulse.energy, grid, 1 / 2),
  ];
}

const harmonyReachMs = 500;
/** Long enough for a pattern of four beats, short enough that a bar of two or three in between spoils little. */
const windowBeats = 16;

/** Whether one row is strong on the even beats and the other on the odd ones, as kick and snare are: −1 to 1, mean over windows. */
function takingTurns(a: Float32Array, b: Float32Array): number {
  const even = (row: Float32Array) => quarterShares(row).map((on) => on[0]! - on[1]! + on[2]! - on[3]!);
  const other = even(b);
  return -mean(even(a).map((value, i) => value * other[i]!));
}

/** How much a row prefers one beat of four to the third from it, 0 to 1, mean over windows. */
const preferringOneOfFour = (row: Float32Array) =>
  mean(quarterShares(row).map((on) => Math.hypot(on[0]! - on[2]!, on[1]! - on[3]!)));

/** What part of the strength lies on each beat of four, by windows that overlap by half. */
function quarterShares(row: Float32Array): number[][] {
  const windows: number[][] = [];
  for (let from = 0; from + windowBeats <= row.length; from += windowBeats / 2) {
    const sums = [0, 0, 0, 0];
    for (let n = from; n < from + windowBeats; n += 1) sums[n % 4]! += row[n]!;
    const whole = sums[0]! + sums[1]! + sums[2]! + sums[3]! + 1e-3;
    windows.push(sums.map((sum) => sum / whole));
  }
  return windows;
}

/** Log of the part that a multiple of the beat rate has in the attacks' periodicity at half, once, twice and four times the rate. */
function shareOf(magnitude: Magnitude, { beatMs }: BeatGrid, multiple: number): number {
  const at = (times: number) => magnitude((times * 1000) / beatMs);
  return Math.log(1e-3 + at(multiple) / (1e-9 + at(1 / 2) + at(1) + at(2) + at(4)));
}
