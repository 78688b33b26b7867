import { endPointOf, type MapObject } from './hit-object.ts';
import type { Check, Judged } from './judged.ts';
import type { Find } from './issue.ts';
import { distance, type Point } from './slider.ts';
import { circleRadius, stackHeights, stackOffset } from './stacking.ts';

/** What the screen shows of the playfield, px: a circle must lie inside with its rim. */
const screen = { left: -67, right: 579, top: -60, bottom: 428 };

/** S01: every head, tail and point of a path is on the screen, where the stacks put it. */
export const onScreen: Check = ({ map }, find) => {
  const r = circleRadius(map.cs);
  const heights = stackHeights(map);
  const inside = ({ x, y }: Point, shift: number) =>
    x + shift - r >= screen.left &&
    x + shift + r <= screen.right &&
    y + shift - r >= screen.top &&
    y + shift + r <= screen.bottom;
  map.objects.forEach((object, i) => {
    if (object.kind === 'spinner') return;
    const shift = stackOffset(heights[i] ?? 0, map.cs);
    // Between two points of the polyline nothing leaves a rectangle that holds both.
    if (!inside(object, shift)) find('S01', 'blocking', object.time, `a ${object.kind} lies off the screen`);
    else if (object.slider && !object.slider.path.every((point) => inside(point, shift)))
      find('S01', 'blocking', object.time, 'a slider leaves the screen');
  });
};

/** Least ms of a spinner and of the rest after it for Easy, Normal, Hard, each with the value below which it is tight. */
const spinnerLength = [
  [1000, 1200],
  [750, 900],
  [500, 600],
] as const;
const spinnerRest = [
  [1000, 1200],
  [500, 600],
  [250, 300],
] as const;

/** S02 to S04: spinners can be finished, and there is time to come back from them. */
export const spinners: Check = ({ map, level }, find) => {
  const hard = 450 + 17 * (map.od - 5);
  map.objects.forEach((object, i) => {
    if (object.kind !== 'spinner') return;
    const length = object.end - object.time;
    if (length < hard) find('S02', 'blocking', object.time, `a spinner of ${Math.round(length)} ms cannot be finished`);
    graded('S03', length, spinnerLength[level], object.time, 'a spinner of', find);
    const next = map.objects[i + 1];
    if (next) graded('S04', next.time - object.end, spinnerRest[level], next.time, 'after a spinner', find);
  });
};

/** ms that a length may miss its limit by: slider lengths are written with few digits. */
const rounding = 0.5;

function graded(
  id: string,
  ms: number,
  limits: readonly [number, number] | undefined,
  time: number,
  what: string,
  find: Find,
) {
  if (!limits || ms >= limits[1] - rounding) return;
  const level = ms < limits[0] - rounding ? 'blocking' : 'advisory';
  find(id, level, time, `${what} ${Math.round(ms)} ms, less than ${limits[level === 'blocking' ? 0 : 1]}`);
}

/** ms within which nothing may lie exactly on something else, by level. */
const perfectStackMs = [375, 375, 187.5, 93.75];

/** S05: two objects at one place, where the stacking does not part them, soon after another. */
export const perfectStacks: Check = ({ map, level }, find) => {
  const within = perfectStackMs[level];
  if (within === undefined) return;
  const heights = stackHeights(map);
  const near = circleRadius(map.cs) / 14;
  const placed = (point: Point, i: number): Point => {
    const shift = stackOffset(heights[i] ?? 0, map.cs);
    return { x: point.x + shift, y: point.y + shift };
  };
  map.objects.forEach((object, i) => {
    if (object.kind === 'spinner') return;
    const end = placed(endPointOf(object), i);
    for (let j = i + 1; j < map.objects.length; j++) {
      const next = map.objects[j];
      if (!next || next.time - object.end >= within) break;
      if (next.kind === 'spinner' || next.time <= object.end || distance(end, placed(next, j)) >= near) continue;
      const ms = Math.round(next.time - object.end);
      const grade = level < 3 ? 'blocking' : 'advisory';
      find('S05', grade, next.time, `a ${next.kind} lies on the ${object.kind} of ${ms} ms before`);
    }
  });
};

/** How much faster than usual a movement is: beyond these it is a fault or at least odd. */
const spacing = { blocking: 15, advisory: 4, gapMs: 180, sameMs: 5, samples: 3, decay: 0.9, stackPx: 6 };

/** S06: a fast movement many times as wide as those before it at the same gap. */
export const evenSpacing: Check = ({ map }, find) => {
  const r = circleRadius(map.cs);
  /** Speeds so far by gap: sum, weight and count; older ones weigh less. */
  const groups: { gap: number; sum: number; weight: number; count: number }[] = [];
  map.objects.forEach((object, i) => {
    const next = map.objects[i + 1];
    if (!next || next.kind === 'spinner' || object.kind === 'spinner') return;
    const gap = next.time - object.end;
    if (!(gap > 0 && gap <= spacing.gapMs)) return;
    const moved = distance(endPointOf(object), next);
    // The follow circle lets the cursor leave a slider early.
    const must = Math.max(0, object.kind === 'slider' ? moved - 3 * r : moved);
    let group = groups.find((known) => Math.abs(known.gap - gap) <= spacing.sameMs);
    if (!group) groups.push((group = { gap, sum: 0, weight: 0, count: 0 }));
    const usual = group.weight > 0 ? group.sum / group.weight : 0;
    const ratio = usual > 0 ? must / gap / usual : 0;
    if (group.count >= spacing.samples && must > 4 * r && ratio > spacing.advisory) {
      const level = ratio > spacing.blocking ? 'blocking' : 'advisory';
      find('S06', level, next.time, `a movement ${ratio.toFixed(1)} times as wide as usual at ${Math.round(gap)} ms`);
    }
    if (moved < spacing.stackPx) return; // a stack is no spacing
    group.sum = group.sum * spacing.decay + must / gap;
    group.weight = group.weight * spacing.decay + 1;
    group.count++;
  });
};

/** S07: what follows a circle at once overlaps it, in the lowest difficulties. */
export const closeObjectsOverlap: Check = ({ map, level, lowest }, find) => {
  if (level > 1 || (level === 1 && !lowest)) return;
  const r = circleRadius(map.cs);
  map.objects.forEach((object, i) => {
    const next = map.objects[i + 1];
    if (!next || object.kind !== 'circle' || next.kind === 'spinner') return;
    const gap = next.time - object.time;
    if (gap >= 188 || distance(object, next) < 2 * r) return;
    find(
      'S07',
      gap < 125 ? 'blocking' : 'advisory',
      next.time,
      `${Math.round(gap)} ms after a circle and apart from it`,
    );
  });
};

/** ms of a slider with two reverses or more: at least, and better not below, for Easy and Normal. */
const reverses = [
  [250, 333],
  [125, 167],
] as const;

/** S08 and S09: short sliders in low difficulties. */
export const shortSliders: Check = ({ map, level }, find) => {
  for (const { time, end, slider } of map.objects) {
    if (!slider) continue;
    if (slider.slides >= 3) graded('S08', end - time, reverses[level], time, 'a slider with several reverses in', find);
    if (level === 0 && slider.spanMs < 125 - rounding)
      find('S09', 'blocking', time, `a slider of ${Math.round(slider.spanMs)} ms one way, less than 125`);
  }
};

/** S10: paths can be read. */
export const readablePaths: Check = (judged, find) => {
  for (const object of judged.map.objects) if (object.slider) path(object, judged, find);
};

function path({ time, slider }: MapObject, { map, level }: Judged, find: Find) {
  if (!slider || slider.path.length < 3) return;
  const r = circleRadius(map.cs);
  const points = samples(slider.path, 5);
  const [head] = points;
  const tail = points.at(-1);
  if (!head || !tail) return;
  if (level <= 2 && retraces(points)) find('S10', 'blocking', time, 'a slider goes back over its own path');
  const far = points.some((point) => distance(point, head) >= 2 * r);
  if (far && distance(head, tail) <= 5 && slider.slides === 1)
    find('S10', 'advisory', time, 'a slider ends where it began');
  for (const index of slider.redNodes) {
    const anchor = slider.nodes[index] ?? head;
    const [first, last] = [distance(anchor, head), distance(anchor, tail)];
    if (Math.min(first, last) <= 10 && slider.length > 40 && index > 1 && index < slider.nodes.length - 2)
      find('S10', 'advisory', time, 'a red anchor lies on the head or the tail');
  }
}

/** Points of a polyline at most `step` px apart. */
export function samples(line: readonly Point[], step: number): Point[] {
  const points: Point[] = [];
  line.forEach((to, i) => {
    const from = line[i - 1];
    const count = from ? Math.min(2000, Math.max(1, Math.ceil(distance(from, to) / step))) : 1;
    for (let k = 1; k <= count; k++) {
      const share = from ? k / count : 1;
      points.push(from ? { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share } : to);
    }
  });
  return points;
}

/** px of a path that lie on an earlier part of it, above which its way cannot be told (our own figure: a crossing is shorter). */
const overlapPx = 30;

/** Whether a part of the path runs along an earlier part: samples 5 px apart within 4 px of one at least 30 px of way before. */
function retraces(points: readonly Point[]): boolean {
  const cell = ({ x, y }: Point) => `${Math.round(x / 4)},${Math.round(y / 4)}`;
  const seen = new Map<string, number>();
  let on = 0;
  for (const [i, point] of points.entries()) {
    const earlier = seen.get(cell(point));
    if (earlier !== undefined && i - earlier > 6) on += 5;
    else seen.set(cell(point), earlier ?? i);
  }
  return on > overlapPx;
}
