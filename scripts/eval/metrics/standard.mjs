// What is measured in osu!standard: sliders, spacing, angles, stacks, runs, use of the playfield.
import { comboLists } from './common.mjs';
import { nearest, phaseOf } from '../chart.mjs';
import { deviation, mean, median, quantile, share } from '../numbers.mjs';

const radius = ({ cs }) => 54.4 - 4.48 * cs;
/** Heads this close are a stack, px. */
const stackPx = 6;

/** Figures of an osu!standard chart. Distances run from an object's end to the next head, gaps likewise, in beats. */
export function measureStandard(chart) {
  const objects = chart.objects.filter(({ kind }) => kind !== 'spinner');
  const sliders = objects.filter(({ kind }) => kind === 'slider');
  const steps = stepsOf(chart);
  const at = (gap) => steps.filter((step) => step.gap === gap);
  const distances = (gap) => at(gap).map(({ distance }) => distance);
  const circleJumps = at(0.5).filter(({ from, to }) => from.kind === 'circle' && to.kind === 'circle');
  const jumpSpeeds = circleJumps.map(({ distance, ms }) => distance / ms);
  return {
    sliderShare: sliders.length / chart.objects.length,
    spinners: chart.objects.length - objects.length,
    reverseShare: share(sliders, ({ spans }) => spans > 1),
    sliderSpeed: median(sliders.map(({ velocity }) => velocity)),
    sliderSpeedP90: quantile(
      sliders.map(({ velocity }) => velocity),
      0.9,
    ),
    sliderLengths: lengthShares(chart, sliders),
    curves: Object.fromEntries(
      ['L', 'P', 'B'].map((curve) => [curve, share(sliders, (slider) => slider.curve === curve)]),
    ),
    tailPhases: tailPhases(chart, sliders),
    distanceHalf: median(distances(0.5)),
    distanceHalfP90: quantile(distances(0.5), 0.9),
    distanceHalfCv: deviation(distances(0.5)) / mean(distances(0.5)),
    distanceWhole: median(distances(1)),
    distanceQuarter: median(distances(0.25)),
    jumpSpeed: median(jumpSpeeds),
    jumpSpeedP90: quantile(jumpSpeeds, 0.9),
    anglesHalf: angleShares(chart, 0.5),
    anglesQuarter: angleShares(chart, 0.25),
    angleHalf: median(angles(chart, 0.5)),
    stacks: share(steps, ({ distance }) => distance < stackPx),
    ...runs(chart),
    ...playfield(objects),
    timeDistance: timeDistance(steps),
    overlaps: overlaps(chart, objects),
    sameChunks: sameChunks(chart),
    gridSnapped: share(objects, ({ x, y }) => x % 16 === 0 && y % 16 === 0),
  };
}

/** From one object's end to the next head: { from, to, ms, gap in beats (a snap, or undefined), distance }. Spinners break the row. */
function stepsOf({ objects, grid }) {
  const steps = [];
  objects.forEach((to, i) => {
    const from = objects[i - 1];
    if (!from || from.kind === 'spinner' || to.kind === 'spinner') return;
    const { beatMs } = grid.at(from.time);
    const ms = to.time - from.end;
    const gap = nearest(ms / beatMs, beatMs, [0.25, 0.5, 0.75, 1, 1.5, 2]);
    steps.push({ from, to, ms, gap, distance: Math.hypot(to.x - from.tailX, to.y - from.tailY) });
  });
  return steps;
}

function lengthShares({ grid }, sliders) {
  const lengths = sliders.map(({ time, spanMs }) => {
    const { beatMs } = grid.at(time);
    const beats = spanMs / beatMs;
    return beats > 1.4 ? 1.5 : nearest(beats, beatMs, [0.25, 0.5, 1]);
  });
  return Object.fromEntries([0.25, 0.5, 1, 1.5].map((length) => [length, share(lengths, (one) => one === length)]));
}

function tailPhases({ grid }, sliders) {
  const found = sliders.map(({ end }) => phaseOf(grid.at(end)));
  return Object.fromEntries(['beat', 'half', 'quarter'].map((name) => [name, share(found, (at) => at === name)]));
}

/** Angles at circles whose neighbours' heads are one gap away, degrees; 180 goes straight on, 0 comes back. Stacked heads have none. */
function angles({ objects, grid }, gap) {
  return objects.flatMap((middle, i) => {
    const [before, after] = [objects[i - 1], objects[i + 1]];
    if (!before || !after || middle.kind !== 'circle' || before.kind === 'spinner' || after.kind === 'spinner')
      return [];
    const { beatMs } = grid.at(before.time);
    const inRow = [middle.time - before.time, after.time - middle.time].every(
      (ms) => nearest(ms / beatMs, beatMs, [gap]) !== undefined,
    );
    const apart = [before, after].every(({ x, y }) => Math.hypot(x - middle.x, y - middle.y) >= stackPx);
    if (!inRow || !apart) return [];
    const back = Math.atan2(before.y - middle.y, before.x - middle.x);
    const forth = Math.atan2(after.y - middle.y, after.x - middle.x);
    const turn = Math.abs(back - forth);
    return [(Math.min(turn, 2 * Math.PI - turn) * 180) / Math.PI];
  });
}

function angleShares(chart, gap) {
  const all = angles(chart, gap);
  return {
    sharp: share(all, (angle) => angle < 60),
    wide: share(all, (angle) => angle >= 60 && angle <= 120),
    flow: share(all, (angle) => angle > 120),
  };
}

/** Chains of heads at one gap: how many objects are in 1/4 chains of five, in 1/2 circle chains of three; bursts a minute. */
function runs(chart) {
  const quarter = chains(
    { ...chart, objects: chart.objects.filter(({ kind }) => kind !== 'spinner') },
    0.25,
    () => true,
  );
  const half = chains(chart, 0.5);
  const minutes = chart.drainMs / 60_000;
  const inChains = (lists, least) =>
    lists.filter((n) => n >= least).reduce((total, n) => total + n, 0) / chart.objects.length;
  return {
    doubles: quarter.filter((n) => n === 2).length / minutes,
    triples: quarter.filter((n) => n === 3).length / minutes,
    fives: quarter.filter((n) => n === 5).length / minutes,
    streamShare: inChains(quarter, 5),
    jumpShare: inChains(half, 3),
    longestStream: Math.max(0, ...quarter),
  };
}

/** Lengths of chains of two and more objects whose heads follow at one gap; only the last may be other than what `fits` (a circle). */
export function chains({ objects, grid }, gap, fits = ({ kind }) => kind === 'circle') {
  const lengths = [];
  let length = 1;
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    const beatMs = before ? grid.at(before.time).beatMs : 1;
    const linked = before && fits(before) && nearest((object.time - before.time) / beatMs, beatMs, [gap]) !== undefined;
    if (linked) length += 1;
    else {
      if (length > 1) lengths.push(length);
      length = 1;
    }
  });
  if (length > 1) lengths.push(length);
  return lengths;
}

function playfield(objects) {
  const x = objects.flatMap((object) => [object.x, object.tailX]);
  const y = objects.flatMap((object) => [object.y, object.tailY]);
  const range = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
  if (x.length === 0) return { widthUse: NaN, heightUse: NaN };
  const [[left, right], [top, bottom]] = [range(x), range(y)];
  return { left, right, top, bottom, widthUse: (right - left) / 512, heightUse: (bottom - top) / 384 };
}

/**
 * Share of steps whose distance matches the mean of earlier steps of like length within 15 % + 10 px (check S20 of the rules: gaps to 600 ms,
 * alike within 10 %, memory 4 s, distances under 8 px left out).
 */
function timeDistance(steps) {
  const known = steps.filter(({ ms, distance }) => ms > 0 && ms <= 600 && distance >= 8);
  let oldest = 0;
  const fits = known.flatMap(({ ms, distance, to }, i) => {
    while (to.time - known[oldest].to.time > 4000) oldest += 1;
    const alike = known.slice(oldest, i).filter((one) => Math.abs(one.ms / ms - 1) <= 0.1);
    if (alike.length === 0) return [];
    const usual = mean(alike.map((one) => one.distance));
    return [Math.abs(distance - usual) <= 0.15 * usual + 10];
  });
  return share(fits, Boolean);
}

/**
 * Overlaps that no stack explains: a head within one radius of an earlier head or end that is more than half a beat and at most three beats
 * older (check S24; people let circles touch, so two radii would count 9 % of the objects of ranked Easy maps). Share of objects.
 */
function overlaps(chart, objects) {
  const near = radius(chart);
  const hit = objects.filter((object, i) => {
    const { beatMs } = chart.grid.at(object.time);
    return objects.slice(Math.max(0, i - 8), i).some((before) => {
      const beats = (object.time - before.end) / beatMs;
      if (beats > 3 || beats <= 0.5 + 0.02) return false;
      const head = Math.hypot(object.x - before.x, object.y - before.y);
      const tail = Math.hypot(object.x - before.tailX, object.y - before.tailY);
      const closest = Math.min(head, tail);
      return closest < near && closest >= stackPx;
    });
  });
  return hit.length / objects.length;
}

/** Longest row of combos with one shape: the same kinds, gaps and moves (to 4 px), three objects at least. */
function sameChunks(chart) {
  const shapes = comboLists(chart).map((combo) =>
    combo.map(({ kind, time, x, y }, i) => {
      const { beatMs } = chart.grid.at(time);
      const before = combo[i - 1] ?? { time, x, y };
      const move = [x - before.x, y - before.y].map((value) => Math.round(value / 4));
      return [kind, Math.round(((time - before.time) / beatMs) * 4), ...move].join(',');
    }),
  );
  let [longest, row, last] = [1, 1, ''];
  for (const shape of shapes) {
    const text = shape.join(' ');
    row = text === last && shape.length >= 3 ? row + 1 : 1;
    longest = Math.max(longest, row);
    last = text;
  }
  return longest;
}
