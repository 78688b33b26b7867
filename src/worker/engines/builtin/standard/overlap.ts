import type { Point } from '../beatmap/hit-objects.ts';
import { gapBeats, isStreamed } from './motifs.ts';
import { slidesOf } from './objects.ts';
import type { Trial } from './trial.ts';

/** What counts when objects cover each other. */
export interface Crowd {
  level: number;
  radius: number;
  /** How long an object is seen before it is hit. */
  preemptMs: number;
}

/**
 * For so many beats (of the timing point; up to 90 BPM halves count as beats, from 240 BPM on two beats as one) after an object nothing may cover it, for Easy to Expert+.
 */
const clearBeats = [4, 3, 2, 1, 0.6, 0.6];
const strict = [30, 25, 15, 5, 1.2, 1.2];
/** Share of that for covering less than half of a circle. */
const touching = [0.25, 0.25, 0, 0, 0, 0];
const loose = [1.5, 1.5, 1, 0.8, 0.6, 0.6];

/**
 * How much an object covers those that are still to be seen. Neighbours in a stream, and half beats of Normal, may touch. An object on
 * the end of a slider that turns there hides the arrow: that costs most.
 */
export function crowding(
  trial: Trial,
  around: readonly Trial[],
  laid: readonly Trial[],
  { level, radius, preemptMs }: Crowd,
): number {
  const { start } = trial.object;
  const beatMs = countedBeatMs(start.tempo.point.bpm);
  let cost = 0;
  let next = trial;
  let joined = true;
  for (let i = around.length + laid.length - 1; i >= 0; i -= 1) {
    const other = i >= around.length ? laid[i - around.length]! : around[i]!;
    const ago = start.time - other.object.end.time;
    const close = ago <= clearBeats[level]! * beatMs + 1;
    if (ago > preemptMs && !close) break;
    joined &&= isStreamed(other.object, next.object);
    const halves = level === 1 && next === trial && gapBeats(other.object, trial.object) < 0.6;
    const circles = joined && (next === trial || other.object.kind === 'circle');
    next = other;
    if (circles || halves) continue;
    const nearest = nearestOf(trial.places, other.places, 2 * radius);
    if (nearest < 2 * radius) {
      const covered = 1 - nearest / (2 * radius);
      const most = strict[level]!;
      cost += !close
        ? loose[level]! * covered
        : nearest < 1.05 * radius
          ? most
          : most * (touching[level]! + 0.5 * covered);
    }
    cost += hiddenReverse(trial, other, radius);
  }
  return cost;
}

const countedBeatMs = (bpm: number) => (60_000 / bpm) * (bpm <= 90 ? 0.5 : bpm >= 240 ? 2 : 1);

function hiddenReverse(trial: Trial, other: Trial, radius: number): number {
  if (slidesOf(trial.object) < 2) return 0;
  const turn = trial.places.at(-1)!;
  return Math.hypot(turn.x - other.exit.x, turn.y - other.exit.y) < radius ? 4 : 0;
}

function nearestOf(places: readonly Point[], others: readonly Point[], limit: number): number {
  let nearest = limit * limit;
  for (const { x, y } of places) {
    for (const other of others) {
      const dx = x - other.x;
      const dy = y - other.y;
      const square = dx * dx + dy * dy;
      if (square < nearest) nearest = square;
    }
  }
  return Math.sqrt(nearest);
}
