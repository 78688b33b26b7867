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
  const within = preemptMs(ar) * (Number.isFinite(leniency) ? leniency : 0.7);
  if (format < 6) return oldStackHeights(objects, within, heights);
  const near = (a: Point, b: Point) => distance(a, b) < stackDistance;
  for (let i = objects.length - 1; i > 0; i--) {
    const top = objects[i];
    if (!top || heights[i] !== 0 || top.kind === 'spinner') continue;
    let base = i;
    for (let n = i - 1; n >= 0; n--) {
      const object = objects[n]!;
      const on = objects[base]!;
      if (object.kind === 'spinner') continue;
      if (on.time - (top.kind === 'slider' ? object.time : object.end) > within) break;
      if (top.kind !== 'slider' && object.kind === 'slider' && near(endPointOf(object), on)) {
        lower(objects, heights, n, base);
        break;
      }
      if (near(top.kind === 'slider' ? endPointOf(object) : object, on)) {
        heights[n] = heights[base]! + 1;
        base = n;
      }
    }
  }
  return heights;

  /** Circles under a slider's end go down, not the slider up. */
  function lower(all: readonly MapObject[], steps: Int32Array, slider: number, last: number) {
    const end = endPointOf(all[slider]!);
    const by = steps[last]! - steps[slider]! + 1;
    for (let j = slider + 1; j <= last; j++) if (near(end, all[j]!)) steps[j]! -= by;
  }
}

function oldStackHeights(objects: readonly MapObject[], within: number, heights: Int32Array): Int32Array {
  objects.forEach((object, i) => {
    if (heights[i] !== 0 && object.kind !== 'slider') return;
    let from = object.end;
    let under = 0;
    for (let j = i + 1; j < objects.length; j++) {
      const next = objects[j]!;
      if (next.time - within > from) break;
      if (distance(next, object) < stackDistance) {
        heights[i]!++;
        from = next.end;
      } else if (distance(next, endPointOf(object)) < stackDistance) {
        heights[j]! -= ++under;
        from = next.end;
      }
    }
  });
  return heights;
}

/** px that an object of this stack height is moved by, in x and in y. */
export const stackOffset = (height: number, cs: number): number => -height * (circleRadius(cs) / 10);
