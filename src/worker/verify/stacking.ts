import { endPointOf, type MapObject } from './hit-object.ts';
import type { Beatmap } from './beatmap.ts';
import { distance, type Point } from './slider.ts';

/** Objects nearer than this are stacked (ppy/osu, OsuBeatmapProcessor). */
const stackDistance = 3;

/** ms that an object is seen before it is hit, by approach rate. */
export const preemptMs = (ar: number): number => (ar < 5 ? 1200 + 120 * (5 - ar) : 1200 - 150 * (ar - 5));

/** Radius of a circle in px. */
export const circleRadius = (cs: number): number => 54.4 - 4.48 * cs;

/**
 * How many steps the game moves each object up and left for the stack it is in; negative: down and right. The rule of the
 * game since format 6 (ppy/osu, MIT): from the last object back, each circle or slider looks for what it lies on.
 */
export function stackHeights({ objects, ar, general, format }: Beatmap): Int32Array {
  const heights = new Int32Array(objects.length);
  const leniency = Number(general.get('StackLeniency') ?? 0.7);
  const within = Math.trunc(preemptMs(Math.fround(ar))) * (Number.isFinite(leniency) ? leniency : 0.7);
  if (format < 6) return oldStackHeights(objects, within, heights);
  for (let i = objects.length - 1; i > 0; i--) {
    const top = objects[i];
    if (top && heights[i] === 0 && top.kind !== 'spinner') stackUnder(objects, heights, i, top, within);
  }
  return heights;
}

const near = (a: Point, b: Point) => distance(a, b) < stackDistance;

/** Looks back from one object for those that it lies on; what lies on a slider's end goes down, not the slider up. */
function stackUnder(objects: readonly MapObject[], heights: Int32Array, i: number, top: MapObject, within: number) {
  let base = i;
  let on = top;
  const height = (of: number) => heights[of] ?? 0;
  for (let n = i - 1; n >= 0; n--) {
    const object = objects[n];
    if (!object || object.kind === 'spinner') continue;
    // The game counts in whole ms from the end of what a circle lies on.
    const gap = top.kind === 'slider' ? on.time - object.time : Math.trunc(on.time) - Math.trunc(object.end);
    if (gap > within) break;
    if (top.kind !== 'slider' && object.kind === 'slider' && near(endPointOf(object), on)) {
      const by = height(base) - height(n) + 1;
      for (let j = n + 1; j <= i; j++) if (near(endPointOf(object), objects[j] ?? top)) heights[j] = height(j) - by;
      break;
    }
    if (near(top.kind === 'slider' ? endPointOf(object) : object, on)) {
      heights[n] = height(base) + 1;
      [base, on] = [n, object];
    }
  }
}

/** The rule of the formats before 6: a slider ends where its path does, and what lies on it counts from its start. */
function oldStackHeights(objects: readonly MapObject[], within: number, heights: Int32Array): Int32Array {
  objects.forEach((object, i) => {
    if (heights[i] !== 0 && object.kind !== 'slider') return;
    const end = object.slider?.path.at(-1) ?? object;
    let from = object.end;
    let under = 0;
    for (let j = i + 1; j < objects.length; j++) {
      const next = objects[j] ?? object;
      if (next.time - within > from) break;
      if (near(next, object)) heights[i] = (heights[i] ?? 0) + 1;
      else if (near(next, end)) heights[j] = (heights[j] ?? 0) - ++under;
      else continue;
      from = next.time;
    }
  });
  return heights;
}

/** px that an object of this stack height is moved by, in x and in y. */
export const stackOffset = (height: number, cs: number): number => -height * (circleRadius(cs) / 10);
