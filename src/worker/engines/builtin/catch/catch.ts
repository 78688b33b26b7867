import type { Composer, Draft, Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { HitObject } from '../beatmap/hit-objects.ts';
import { soundsOf } from '../hitsounds.ts';
import { chooseRhythm } from '../rhythm/rhythm.ts';
import { halfPlate } from './movement.ts';
import { formObjects } from './objects.ts';
import { placeObjects, type PlacedObject } from './placement.ts';

/** Over 19 ranked maps: hit objects a second 1.0 + 0.66 S, below 2.7 stars 1 + 0.56 S. */
const objectsPerSecond = (stars: number) => (stars < 2.7 ? 1 + 0.56 * stars : 1 + 0.66 * stars);
/** Heads, reverses and tails of as many objects, by level. */
const eventsPerObject = [1.7, 1.7, 1.6, 1.5, 1.45, 1.45];
/** Wider maps are a little denser, so that neither alone has to go far from what is usual for the stars. */
const densityBySpacing = 0.4;
/** By level. A smaller plate makes the same distances harder. */
const usualCs = [2.3, 2.8, 3.3, 3.8, 4.3, 4.4];

export const catcher: Composer = {
  spaced: true,
  compose(score, plan, knobs, random): Draft {
    const density = knobs.density * knobs.spacing ** densityBySpacing;
    const events = chooseRhythm(score, plan, density * objectsPerSecond(plan.stars) * eventsPerObject[plan.level]!);
    const spacing = knobs.spacing * Math.sqrt(halfPlate(plan.cs) / halfPlate(usualCs[plan.level]!));
    const placed = placeObjects(formObjects(events, score, plan, spacing), score, plan, spacing, random);
    const sound = sounds(score, plan.hitsounded);
    return { objects: placed.map((object) => hitObject(object, sound)), speeds: [] };
  },
};

function sounds(score: Score, hitsounded: boolean): (tick: Tick) => number {
  const heard = soundsOf(score);
  return ({ index }) => (hitsounded ? (heard.get(index) ?? 0) : 0);
}

function hitObject({ object, x, stream }: PlacedObject, sound: (tick: Tick) => number): HitObject {
  const { kind, edges, newCombo } = object;
  const [start] = edges;
  const endTime = edges.at(-1)!.time;
  if (kind === 'shower') return { kind: 'spinner', time: start.time, endTime, newCombo, sound: sound(edges.at(-1)!) };
  const head = { x, y: stream?.path.points[0]!.y ?? 192, time: start.time, newCombo };
  if (!stream) return { kind: 'circle', ...head, sound: sound(start) };
  const { path, length } = stream;
  const edgeSounds = edges.map(sound);
  return { kind: 'slider', ...head, sound: 0, endTime, path, length, slides: edges.length - 1, edgeSounds };
}
