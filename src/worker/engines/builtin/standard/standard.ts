import type { Composer, Draft } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { HitObject } from '../beatmap/hit-objects.ts';
import { soundsOf } from '../hitsounds.ts';
import { chooseRhythm } from '../rhythm/rhythm.ts';
import { markCombos } from './combos.ts';
import { mannerOf } from './manner.ts';
import { formObjects, slidesOf } from './objects.ts';
import { placeObjects, type PlacedObject } from './placement.ts';
import { changesOf, speedsOfBars } from './speed.ts';
import { findSpinners } from './spinners.ts';

/** Events (heads, reverses and ends) a second over 88 ranked maps: the medians of the buckets of stars. */
const usualEvents: readonly (readonly [stars: number, perSecond: number])[] = [
  [0, 1],
  [1.5, 2],
  [2.35, 2.95],
  [3.4, 4.3],
  [4.65, 5.1],
  [5.9, 6.4],
  [7.5, 7.2],
  [10, 9],
];

function eventsPerSecond(stars: number): number {
  const above = Math.max(
    1,
    usualEvents.findIndex(([bound]) => bound >= Math.min(10, stars)),
  );
  const [[low, fewer], [high, more]] = [usualEvents[above - 1]!, usualEvents[above]!];
  return fewer + ((more - fewer) * (stars - low)) / (high - low);
}

export const standard: Composer = {
  spaced: true,
  compose(score, plan, knobs, random): Draft {
    const manner = mannerOf(plan, knobs.density);
    const speeds = speedsOfBars(score, manner, random);
    const chosen = chooseRhythm(score, plan, eventsPerSecond(plan.stars) * knobs.density);
    const { spinners, events } = findSpinners(chosen, score, plan, manner);
    const starts = spinners.map(({ start }) => start);
    const objects = formObjects(events, starts, score, plan, manner, speeds, random);
    for (const { start, end } of spinners)
      objects.push({ kind: 'spinner', start, end, edges: [start], newCombo: true });
    objects.sort((a, b) => a.start.index - b.start.index);
    markCombos(objects, score, plan.level);
    const needs = {
      plan,
      manner,
      speeds,
      random,
      intensity: score.structure.intensity,
      spacing: knobs.spacing,
      radius: circleRadius(plan.cs),
    };
    const placed = placeObjects(objects, score.structure, needs);
    const heard = soundsOf(score);
    const soundAt = (tick: Tick) => (plan.hitsounded ? (heard.get(tick.index) ?? 0) : 0);
    return { objects: placed.map((object) => hitObject(object, soundAt)), speeds: changesOf(score, speeds) };
  },
};

function hitObject({ object, position, slider }: PlacedObject, soundAt: (tick: Tick) => number): HitObject {
  const { kind, start, end, edges, newCombo } = object;
  if (kind === 'spinner') {
    return { kind, time: start.time, endTime: end.time, newCombo: true, sound: soundAt(end) };
  }
  const { x, y } = position;
  const { time } = start;
  if (!slider) return { kind: 'circle', x, y, time, newCombo, sound: soundAt(start) };
  const { path, length } = slider;
  const [slides, edgeSounds] = [slidesOf(object), edges.map(soundAt)];
  return { kind: 'slider', x, y, time, newCombo, sound: 0, endTime: end.time, path, length, slides, edgeSounds };
}

/** Radius of a circle in px, by circle size. */
export const circleRadius = (cs: number): number => 54.4 - 4.48 * cs;
