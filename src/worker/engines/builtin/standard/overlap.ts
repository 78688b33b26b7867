import type { Point } from '../hit-objects.ts';
import { gapBeats, isStreamed } from './motifs.ts';
import { slidesOf } from './objects.ts';
import type { Trial } from './placement.ts';

/** What counts when objects cover each other. */
export interface Crowd {
  level: number;
  radius: number;
  /** How long an object is seen before it is hit. */
  preemptMs: number;
}

/** For so many beats after an object nothing may cover it, for Easy to Expert+. */
const clearBeats = [4, 3, 2, 1, 0.6, 0.6];
const strict = [14, 12, 6, 2.5, 1.2, 1.2];
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
  let cost = 0;
  let next = trial;
  const count = around.length + laid.length;
  for (let i = count - 1; i >= 0; i -= 1) {
    const other = i >= around.length ? laid[i - around.length]! : around[i]!;
    const { end } = other.object;
    const ago = start.time - end.time;
    if (ago > preemptMs && ago > clearBeats[level]! * start.tempo.beatMs) break;
    const beats = ago / start.tempo.beatMs;
    const neighbour = next === trial;
    next = other;
    const touches =
      isStreamed(other.object, trial.object) || (level === 1 && gapBeats(other.object, trial.object) < 0.6);
    if (neighbour && touches) continue;
    const limit = 2 * radius;
    const nearest = nearestOf(trial.places, other.places, limit);
    if (nearest < limit) {
      const covered = 1 - nearest / limit;
      const close = beats <= clearBeats[level]! + 0.01;
      cost += close ? strict[level]! * (0.3 + covered) : loose[level]! * covered;
    }
    cost += hiddenReverse(trial, other, radius);
  }
  return cost;
}

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
