import { edgesOf } from './hit-object.ts';
import { drainMs, type Check } from './judged.ts';
import { preemptMs } from './stacking.ts';
import { unsnap } from './timing-lines.ts';

/** B00 (ours): lines that no game can read, and objects that are not in order of time. */
export const readable: Check = ({ map }, find) => {
  for (const { line, why } of map.broken) find('B00', 'blocking', null, `${why}: ${line}`);
  if (map.objects.length === 0) find('B00', 'blocking', null, 'the map has no objects');
};

/** B01: every edge within 2 ms of a tick. */
export const snapped: Check = ({ map }, find) => {
  for (const object of map.objects) {
    for (const edge of edgesOf(object)) {
      const off = unsnap(map.timing, edge);
      if (off >= 2) find('B01', 'blocking', edge, `an edge of a ${object.kind} lies ${off.toFixed(1)} ms off the grid`);
    }
  }
};

/** ms that must be more than this between two objects (B02). */
const leastGap = 10;

/** B02: no two objects at once. A spinner may begin 1 ms after the object before. In mania see M01. */
export const apart: Check = ({ map }, find) => {
  if (map.mode === 3) return;
  map.objects.forEach((object, i) => {
    const next = map.objects[i + 1];
    if (!next) return;
    const gap = next.time - object.end;
    if (gap > leastGap || (next.kind === 'spinner' && gap >= 1)) return;
    find(
      'B02',
      'blocking',
      next.time,
      `a ${next.kind} begins ${gap.toFixed(1)} ms after the end of the ${object.kind} before`,
    );
  });
};

/** B03: at least 30 s of play. */
export const longEnough: Check = ({ map }, find) => {
  const drain = drainMs(map);
  if (drain < 30_000) find('B03', 'blocking', null, `${(drain / 1000).toFixed(1)} s of play, less than 30 s`);
};

/** B04: no slider without a length. */
export const visibleSliders: Check = ({ map }, find) => {
  for (const { time, slider } of map.objects) {
    if (!slider) continue;
    const span = slider.spanMs * slider.slides;
    if (slider.length < 0 || !(span > 0.5)) find('B04', 'blocking', time, 'a slider without a length');
  }
};

/** B10: breaks keep their distance from the objects around them. */
export const breaks: Check = ({ map }, find) => {
  for (const { start, end } of map.breaks) {
    const before = map.objects.filter(({ time }) => time < end);
    const last = before.reduce((latest, object) => Math.max(latest, object.end), -Infinity);
    const next = map.objects.find(({ time }) => time >= end);
    if (start - last < 200 - 1)
      find('B10', 'blocking', start, `a break begins ${Math.round(start - last)} ms after an object's end, not 200`);
    const preempt = preemptMs(map.ar);
    if (next && next.time - end < preempt - 1)
      find('B10', 'blocking', end, `a break ends ${Math.round(next.time - end)} ms before an object, not ${preempt}`);
    if (end - start < 650)
      find('B10', 'advisory', start, `a break of ${Math.round(end - start)} ms is shorter than 650 ms`);
  }
};
