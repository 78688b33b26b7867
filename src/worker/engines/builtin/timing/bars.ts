import { atBeats, beatCount, harmonyChange, likeness, mean, type Strengths } from './beats.ts';
import type { BeatGrid } from './fold.ts';
import { barWeights } from './weights.ts';

const fewestBeats = 12;

/** How much louder the beat from each beat on is than that before it, as far as it stands out (log, above `clearStep`). */
function loudnessSteps({ features, hopMs }: Strengths, { beatMs, phaseMs }: BeatGrid, count: number) {
  const sums = new Float64Array(features.rms.length + 1);
  features.rms.forEach((value, i) => (sums[i + 1] = sums[i]! + value));
  const level = (from: number, to: number) => {
    const [a, b] = [from, to].map((ms) => Math.max(0, Math.min(features.rms.length, Math.round(ms / hopMs))));
    return Math.log(1e-3 + (b! > a! ? (sums[b!]! - sums[a!]!) / (b! - a!) : 0));
  };
  return Float32Array.from({ length: count }, (_, n) => {
    const at = phaseMs + n * beatMs;
    return Math.max(0, level(at, at + beatMs) - level(at - beatMs, at) - clearStep);
  });
}

const clearStep = 0.3;

/**
 * What speaks for each beat of `meter` as the first of the bar, in the order of `barWeights`: low attacks, middle ones and steps of loudness there
 * more than half a bar later, harmony that changes from the beat before to this one, and from the four beats before to the four after.
 */
export function barEvidence(strengths: Strengths, grid: BeatGrid, meter: number): number[][] {
  const count = beatCount(strengths, grid);
  const rows = [
    atBeats(strengths, 'low', grid, 0),
    atBeats(strengths, 'energy', grid, 0),
    loudnessSteps(strengths, grid, count),
  ];
  const changes = [1, 4].map((reach) => harmonyChange(strengths, grid, count, 0, reach));
  const every = (row: Float32Array, place: number) => mean(row.filter((_, n) => n % meter === place % meter));
  return Array.from({ length: meter }, (_, k) => [
    ...rows.map((row) => every(row, k) - every(row, k + Math.floor(meter / 2))),
    ...changes.map((change) => 100 * (every(change, k) - mean(change))),
  ]);
}

/**
 * Beats of a bar, by how well the attacks repeat: three where three and six beats later they are more alike than after four and eight
 * (by 0.2 and more in waltzes, by at most 0.12 in others), five and seven where that beats all other lags. Else four.
 */
export function findMeter(strengths: Strengths, grid: BeatGrid): number {
  const bands = ['low', 'mid', 'high', 'full'] as const;
  const rows = [...bands.map((band) => atBeats(strengths, band, grid, 0)), atBeats(strengths, 'low', grid, 1 / 2)];
  if (rows[0]!.length < fewestBeats) return 4;
  const alike = (lag: number) => likeness(rows, lag);
  if (alike(3) + alike(6) - alike(4) - alike(8) > tripleMargin) return 3;
  const usual = Math.max(...[2, 3, 4, 6, 8].map(alike));
  return [5, 7].find((meter) => alike(meter) - usual > oddMargin) ?? 4;
}

const tripleMargin = 0.16;
const oddMargin = 0.12;

/** Which beat of the grid is the first of a bar of `meter`, counted from the grid's first beat, and how sure that is (0 to 1). */
export function findDownbeat(strengths: Strengths, grid: BeatGrid, meter: number): { beat: number; share: number } {
  if (beatCount(strengths, grid) < fewestBeats) return { beat: 0, share: 0 };
  const scores = barEvidence(strengths, grid, meter).map((evidence) =>
    evidence.reduce((sum, value, i) => sum + value * barWeights[i]!, 0),
  );
  const most = Math.max(...scores);
  const odds = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  return { beat: Math.max(0, scores.indexOf(most)), share: 1 / odds };
}
