import type { MapObject } from './hit-object.ts';
import type { Check } from './judged.ts';
import { bpmOf } from './timing-lines.ts';

/** M01 and M02: in a column more than 30 ms after the end of the note before. */
export const columnGaps: Check = ({ map }, find) => {
  const before = new Map<number, MapObject>();
  for (const object of map.objects) {
    const last = before.get(object.column);
    before.set(object.column, object);
    if (!last) continue;
    const gap = object.time - last.end;
    if (object.time === last.time)
      find('M02', 'blocking', object.time, `two notes at one time in column ${object.column + 1}`);
    else if (gap <= 30)
      find(
        'M01',
        'blocking',
        object.time,
        `column ${object.column + 1}: a note ${gap.toFixed(1)} ms after the end of the one before`,
      );
  }
};

/** M03: every column is used. */
export const everyColumn: Check = ({ map }, find) => {
  const used = new Set(map.objects.map(({ column }) => column));
  for (let column = 0; column < map.keys; column++)
    if (!used.has(column)) find('M03', 'blocking', null, `column ${column + 1} is empty`);
};

/** M04: up to Insane at most six keys are pressed at once. */
export const chordSize: Check = ({ map, level }, find) => {
  if (level > 3) return;
  const presses = new Map<number, number>();
  for (const { time } of map.objects) presses.set(time, (presses.get(time) ?? 0) + 1);
  for (const [time, count] of presses) if (count > 6) find('M04', 'blocking', time, `${count} keys at once`);
};

/** M05: long notes can be seen to be long. */
export const longNotes: Check = ({ map }, find) => {
  for (const { kind, time, end } of map.objects) {
    if (kind !== 'hold' || end - time >= 30) continue;
    find('M05', end - time < 20 ? 'blocking' : 'advisory', time, `a long note of ${Math.round(end - time)} ms`);
  }
};

/** M06: the easiest scroll at one speed; green lines only even out changes of tempo. */
export const steadyScroll: Check = ({ map, level, lowest }, find) => {
  if (level > 1 || (level === 1 && !lowest)) return;
  const first = map.objects[0];
  const last = map.objects.at(-1);
  if (!first || !last) return;
  const base = bpmOf(map.timing.at(first.time).tempo) * map.timing.at(first.time).speed;
  for (const { line, speed, tempo } of map.timing.sections) {
    if (line.time < first.time || line.time > last.end || Math.abs(speed - 1) <= 0.02) continue;
    const scroll = (bpmOf(tempo) * speed) / base;
    if (Math.abs(scroll - 1) > 0.02)
      find('M06', 'blocking', line.time, `the scroll speed changes to ${scroll.toFixed(2)}`);
  }
};
