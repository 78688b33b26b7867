import type { Features } from '../hearing/features.ts';
import { fold } from './fold.ts';

/** How a stretch of the song lies on a period: late (+) or early (−) against its mean place. */
interface Drift {
  timeMs: number;
  ms: number;
  weight: number;
}

const blockMs = 2000;
const blocksInWindow = 3;
const furthestMs = 45;

/**
 * The drift of the attacks against a period, by windows of 6 s every 2 s: each window's folded attacks are laid over those of the
 * whole stretch (frames from..to). A flat line means that the tempo is right and constant.
 */
function driftOf({ full, hopMs }: Features, periodMs: number, from = 0, to = full.length): Drift[] {
  const block = Math.round(blockMs / hopMs);
  const whole = fold(full, hopMs, periodMs, from, to);
  const { values, binMs } = whole;
  const bins = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / bins;
  const reference = values.map((value) => value - mean);
  const reach = Math.min(Math.floor(bins / 4), Math.round(furthestMs / binMs));
  const around = new Float64Array(bins + 2 * reach); // the circle with its ends doubled
  const drifts: Drift[] = [];
  for (let start = from; start + blocksInWindow * block <= to; start += block) {
    const end = start + blocksInWindow * block;
    const local = fold(full, hopMs, periodMs, start, end).values;
    for (let i = 0; i < around.length; i += 1) around[i] = local[(i - reach + bins) % bins]!;
    const match = new Float64Array(2 * reach + 1);
    for (let place = 0; place < match.length; place += 1) {
      let sum = 0;
      for (let bin = 0; bin < bins; bin += 1) sum += reference[bin]! * around[bin + place]!;
      match[place] = sum;
    }
    const best = match.indexOf(Math.max(...match));
    if (best === 0 || best === 2 * reach || match[best]! <= 0) continue;
    const bend = match[best - 1]! - 2 * match[best]! + match[best + 1]!;
    const place = best + (bend >= 0 ? 0 : (0.5 * (match[best - 1]! - match[best + 1]!)) / bend) - reach;
    drifts.push({ timeMs: ((start + end) / 2) * hopMs, ms: place * binMs, weight: match[best]! });
  }
  return drifts;
}

/** A line through drifts that outliers do not bend (iteratively reweighted, Cauchy at 6 ms). With a given slope only its height is free. */
function fitLine(drifts: Drift[], slope?: number) {
  let line = { slope: slope ?? 0, height: 0, rms: Infinity };
  for (let round = 0; round < 8; round += 1) {
    let [w, wt, wy, wtt, wty] = [0, 0, 0, 0, 0];
    for (const { timeMs, ms, weight } of drifts) {
      const off = round === 0 ? 0 : (ms - line.slope * timeMs - line.height) / outlierMs;
      const share = weight / (1 + off * off);
      w += share;
      wt += share * timeMs;
      wy += share * ms;
      wtt += share * timeMs * timeMs;
      wty += share * timeMs * ms;
    }
    if (w === 0) return { slope: slope ?? 0, height: 0, rms: 0 };
    const spread = wtt - (wt * wt) / w;
    const free = spread > 0 ? (wty - (wt * wy) / w) / spread : 0;
    line = { slope: slope ?? free, height: 0, rms: 0 };
    line.height = (wy - line.slope * wt) / w;
    line.rms = robustRms(drifts, line);
  }
  return line;
}

const outlierMs = 6;

function robustRms(drifts: Drift[], line: { slope: number; height: number }): number {
  let [sum, weights] = [0, 0];
  for (const { timeMs, ms, weight } of drifts) {
    const off = (ms - line.slope * timeMs - line.height) / outlierMs;
    sum += weight * outlierMs ** 2 * Math.log1p(off * off);
    weights += weight;
  }
  return weights > 0 ? Math.sqrt(sum / weights) : 0;
}

/** Loss of fit (ms) that an integer or a half BPM may cost; at 5 ms of drift at the ends of a song it is about 1. */
const snapLoss = { integer: 1, half: 0.6 };
const snapReach = 0.25;

/**
 * A tempo near `bpm` made exact by the drift, and written as people write it: an integer (91 % of ranked maps) or a half (95 %)
 * where the beats lose less than about a ms by it, else with two decimals.
 */
export function refineTempo(features: Features, bpm: number, from?: number, to?: number): { bpm: number; rms: number } {
  let exact = bpm;
  let drifts: Drift[] = [];
  let line = { slope: 0, height: 0, rms: 0 };
  for (let round = 0; round < 3; round += 1) {
    drifts = driftOf(features, 60_000 / exact, from, to);
    if (drifts.length < 3) return { bpm: round === 0 ? written(bpm) : written(exact), rms: Infinity };
    line = fitLine(drifts);
    if (Math.abs(line.slope) < 1e-6) break;
    exact /= 1 + line.slope;
  }
  drifts = driftOf(features, 60_000 / exact, from, to);
  line = fitLine(drifts);
  for (const [value, loss] of [
    [Math.round(exact), snapLoss.integer],
    [Math.round(exact * 2) / 2, snapLoss.half],
  ] as const) {
    if (Math.abs(value - exact) > snapReach) continue;
    const { rms } = fitLine(drifts, exact / value - 1);
    if (rms <= line.rms + loss) return { bpm: value, rms };
  }
  return { bpm: written(exact), rms: line.rms };
}

const written = (bpm: number) => Math.round(bpm * 100) / 100;
