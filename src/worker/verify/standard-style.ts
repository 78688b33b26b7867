import { endPointOf, type MapObject } from './hit-object.ts';
import type { Check } from './judged.ts';
import { countedBeat } from './rhythm.ts';
import { distance, type Point } from './slider.ts';
import { circleRadius, preemptMs } from './stacking.ts';

/** S20 looks at gaps up to 600 ms against those of like length in the 4 s before; less than 8 px is a stack. */
const equality = { gapMs: 600, memoryMs: 4000, like: 0.1, stackPx: 8, share: 0.15, px: 10 };

/** S20: in Easy and Normal the same time is the same distance. */
export const timeDistance: Check = ({ map, level }, find) => {
  if (level > 1) return;
  let seen: { time: number; gap: number; px: number }[] = [];
  map.objects.forEach((object, i) => {
    const next = map.objects[i + 1];
    if (!next || object.kind === 'spinner' || next.kind === 'spinner') return;
    const gap = next.time - object.end;
    const px = distance(endPointOf(object), next);
    if (!(gap > 0 && gap <= equality.gapMs) || px < equality.stackPx) return;
    seen = seen.filter(({ time }) => next.time - time <= equality.memoryMs);
    const like = seen.filter((before) => Math.abs(before.gap - gap) <= equality.like * gap);
    seen.push({ time: next.time, gap, px });
    if (like.length === 0) return;
    const usual = like.reduce((sum, before) => sum + (before.px / before.gap) * gap, 0) / like.length;
    if (Math.abs(px - usual) > equality.share * usual + equality.px)
      find('S20', 'advisory', next.time, `${Math.round(px)} px where ${Math.round(usual)} px are usual`);
  });
};

/** S21: in Easy and Normal not only sliders for long. */
export const sliderRuns: Check = ({ map, level }, find) => {
  if (level > 1) return;
  let run: MapObject[] = [];
  const judge = () => {
    const [first] = run;
    const last = run.at(-1);
    if (first && last && run.length > 6 && last.end - first.time > 5000)
      find('S21', 'advisory', first.time, `${run.length} sliders in a row`);
    run = [];
  };
  for (const object of map.objects) {
    if (object.kind === 'slider') run.push(object);
    else judge();
  }
  judge();
};

/** S22: up to Insane nothing lies over a reverse arrow while it must be read. */
export const visibleReverses: Check = ({ map, level }, find) => {
  if (level > 3) return;
  const preempt = preemptMs(map.ar);
  const near = circleRadius(map.cs) / 1.75;
  map.objects.forEach(({ time, slider }, i) => {
    const arrow = slider?.path.at(-1);
    if (!slider || !arrow || slider.slides < 2) return;
    const reverse = time + slider.spanMs;
    for (let j = i - 1; j >= 0; j--) {
      const before = map.objects[j];
      if (!before || before.end < reverse - preempt) break;
      if (before.kind !== 'spinner' && distance(endPointOf(before), arrow) < near)
        return find('S22', 'advisory', reverse, `the ${before.kind} of ${Math.round(before.time)} ms covers a reverse`);
    }
  });
};

/** S23: how dense the rhythm of a level is. Gaps are from head to head, in counted beats. */
export const rhythmDensity: Check = ({ map, level }, find) => {
  if (level > 2) return;
  const gaps = map.objects.slice(1).map((object, i) => {
    const before = map.objects[i] ?? object;
    return (object.time - before.time) / countedBeat(map.timing.at(before.time).tempo);
  });
  const share = (most: number) => gaps.filter((gap) => gap < most).length / Math.max(1, gaps.length);
  if (level === 0 && share(0.95) > 0.5) find('S23', 'advisory', null, 'an Easy is mostly 1/1 and slower');
  if (level === 1 && share(0.45) > 0.1) find('S23', 'advisory', null, 'a Normal is mostly 1/1 with some 1/2');
  if (level !== 2) return;
  let notes = 1;
  gaps.forEach((gap, i) => {
    notes = gap < 0.3 ? notes + 1 : 1;
    if (notes === 6)
      find('S23', 'advisory', map.objects[i + 1]?.time ?? 0, 'a stream of more than five notes in a Hard');
  });
};

/** Counted beats within which nothing lies over another by level. */
const clearBeats = [4, 3, 2, 0.5];

/** S24: up to Insane heads and tails do not lie over the bodies of what comes soon after or before, unless they are stacked. */
export const overlaps: Check = ({ map, level }, find) => {
  const beats = clearBeats[level];
  if (beats === undefined) return;
  const r = circleRadius(map.cs);
  map.objects.forEach((object, i) => {
    if (object.kind === 'spinner') return;
    const beat = countedBeat(map.timing.at(object.time).tempo);
    for (let j = i + 1; j < map.objects.length; j++) {
      const next = map.objects[j];
      if (!next || next.time - object.end > beats * beat) break;
      if (next.kind === 'spinner') break;
      // What follows at once belongs together; so does a stack.
      const close = j === i + 1 && next.time - object.end <= 0.55 * beat;
      if (close || distance(endPointOf(object), next) < equality.stackPx || distance(object, next) < equality.stackPx)
        continue;
      if (covers(object, next, r)) {
        find(
          'S24',
          'advisory',
          next.time,
          `a ${next.kind} lies over the ${object.kind} of ${Math.round(object.time)} ms`,
        );
        break;
      }
    }
  });
};

/** Whether the head of the second lies half or more over head, tail or body of the first. */
const covers = (first: MapObject, second: MapObject, r: number) =>
  first.slider === null
    ? distance(first, second) < r
    : first.slider.path.some((to, i, path) => fromSegment(second, path[i - 1] ?? to, to) < r);

/** px from a point to a straight piece of a path. */
function fromSegment(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = ((point.x - from.x) * dx + (point.y - from.y) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(1, Math.max(0, along));
  return distance(point, { x: from.x + share * dx, y: from.y + share * dy });
}

/** AR, OD, HP and CS that are usual at a level: at least and at most. */
const usual: Record<'ar' | 'od' | 'hp' | 'cs', readonly (readonly [number, number])[]> = {
  ar: [
    [0, 5],
    [4, 6],
    [6, 8],
    [7, 9.3],
    [8, 10],
  ],
  od: [
    [1, 3],
    [3, 5],
    [5, 7],
    [7, 9],
    [8, 10],
  ],
  hp: [
    [1, 3],
    [3, 5],
    [4, 6],
    [5, 8],
    [5, 10],
  ],
  cs: [
    [0, 4],
    [0, 5],
    [0, 6],
    [0, 7],
    [0, 7],
  ],
};

/** S25: settings that are unusual for the level by more than one. */
export const usualSettings: Check = ({ map, level }, find) => {
  for (const name of ['ar', 'od', 'hp', 'cs'] as const) {
    const [least, most] = usual[name][Math.min(4, level)] ?? [0, 10];
    const value = map[name];
    if (value < least - 1 || value > most + 1)
      find('S25', 'advisory', null, `${name.toUpperCase()} ${value}, usual are ${least} to ${most}`);
  }
};

/** S26: sliders without needless nodes, and combos that end. */
export const style: Check = ({ map }, find) => {
  let combo = 0;
  for (const { time, kind, newCombo, slider } of map.objects) {
    if (slider && slider.nodes.length > 10 * Math.sqrt(Math.max(1, slider.length)))
      find('S26', 'advisory', time, `a slider with ${slider.nodes.length} nodes`);
    combo = newCombo || kind === 'spinner' ? 1 : combo + 1;
    if (combo === longestCombo + 1) find('S26', 'advisory', time, `a combo of more than ${longestCombo} objects`);
  }
};

/** Our own figure: in people's maps nine of ten combos have up to 7 objects; twice the 12 of a generated map. */
const longestCombo = 24;
