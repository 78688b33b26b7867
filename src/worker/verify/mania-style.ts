import type { MapObject } from './hit-object.ts';
import type { Beatmap } from './beatmap.ts';
import type { Check } from './judged.ts';
import { countedBeat } from './rhythm.ts';
import { bpmOf } from './timing-lines.ts';

/** Notes that are pressed together. */
interface Row {
  time: number;
  notes: MapObject[];
  /** Counted beats since the row before. */
  gap: number;
  /** ms */
  beat: number;
}

function rowsOf({ objects, timing }: Beatmap): Row[] {
  const rows: Row[] = [];
  for (const object of objects) {
    const last = rows.at(-1);
    if (last?.time === object.time) last.notes.push(object);
    else {
      const beat = countedBeat(timing.at(object.time).tempo);
      rows.push({ time: object.time, notes: [object], gap: last ? (object.time - last.time) / beat : Infinity, beat });
    }
  }
  return rows;
}

/** M10: columns that are used alike, where there are notes enough to tell. */
export const columnUse: Check = ({ map }, find) => {
  const counts = new Array<number>(map.keys).fill(0);
  for (const { column } of map.objects) counts[column] = (counts[column] ?? 0) + 1;
  const mean = map.objects.length / map.keys;
  counts.forEach((count, column) => {
    if (count > 0 && mean >= 20 && Math.abs(count / mean - 1) > 0.2)
      find('M10', 'advisory', null, `column ${column + 1} has ${count} notes, the mean is ${Math.round(mean)}`);
  });
};

/** M11: most notes of a chord for Easy, Normal, Hard, Insane, up to six keys and above. */
const largestChord = [
  [2, 2],
  [2, 3],
  [3, 4],
  [6, 6],
] as const;

export const chords: Check = ({ map, level }, find) => {
  const most = largestChord[level]?.[map.keys <= 6 ? 0 : 1];
  for (const { time, notes } of rowsOf(map)) {
    if (most !== undefined && notes.length > most)
      find('M11', 'advisory', time, `a chord of ${notes.length}, more than ${most}`);
    const files = notes.map(({ sampleFile }) => sampleFile).filter((file) => file !== '');
    if (new Set(files).size < files.length) find('M16', 'advisory', time, 'a sound twice in one chord');
  }
};

/** M12: HP and OD of the low levels. */
export const maniaSettings: Check = ({ map, level }, find) => {
  const most = [7, 7.5, 8][level];
  if (most === undefined) return;
  if (map.hp > most) find('M12', 'advisory', null, `HP ${map.hp}, more than ${most}`);
  if (map.od > most) find('M12', 'advisory', null, `OD ${map.od}, more than ${most}`);
};

/** What M13 to M15 say in numbers: the densest gap, the longest run of a gap, chords inside runs, long notes, scroll speeds. */
const patterns = [
  { id: 'M13', least: 1 / 4, run: [1 / 2, 5], chordGap: 1 / 2, hold: 1, scroll: null },
  { id: 'M13', least: 1 / 6, run: [1 / 4, 5], chordGap: 1 / 4, hold: 1 / 2, scroll: [0.9, 1.05] },
  { id: 'M14', least: 1 / 8, run: null, chordGap: null, hold: 1 / 4, scroll: [0.8, 1.1] },
  { id: 'M15', least: null, run: null, chordGap: 1 / 8, hold: null, scroll: [0.7, 1.1] },
  { id: 'M15', least: null, run: null, chordGap: null, hold: null, scroll: [0.6, 1.1] },
] as const;

/** ms that a gap may differ from its fraction. */
const tolerance = 2;

export const densities: Check = ({ map, level }, find) => {
  const { id, least, run, chordGap, hold } = patterns[Math.min(4, level)] ?? patterns[4];
  const within = (gap: number, fraction: number | null, beat: number) =>
    fraction !== null && gap * beat <= fraction * beat + tolerance;
  const rows = rowsOf(map);
  let [dense, long] = [1, 1];
  rows.forEach(({ time, notes, gap, beat }, i) => {
    dense = within(gap, least, beat) ? dense + 1 : 1;
    if (dense === 3) find(id, 'advisory', time, `rows 1/${Math.round(1 / gap)} of a beat apart`);
    long = within(gap, run?.[0] ?? null, beat) ? long + 1 : 1;
    if (run && long === run[1] + 1) find(id, 'advisory', time, `more than ${run[1]} rows in a run`);
    const next = rows[i + 1];
    const inRun = within(gap, chordGap, beat) && next !== undefined && within(next.gap, chordGap, beat);
    if (notes.length > 1 && inRun) find(id, 'advisory', time, 'a chord inside a run');
    for (const { kind, end } of notes)
      if (hold !== null && kind === 'hold' && end - time < hold * beat - tolerance)
        find(id, 'advisory', time, `a long note of ${((end - time) / beat).toFixed(2)} beats`);
  });
};

/** M13: in Easy and Normal hands come off one after the other, and in Easy nothing is pressed during a long note of a beat. */
export const holds: Check = ({ map, level }, find) => {
  if (level > 1) return;
  const least = level === 0 ? 1 : 1 / 2;
  const long = map.objects.filter(({ kind }) => kind === 'hold').sort((a, b) => a.end - b.end);
  const presses = map.objects.map(({ time }) => time);
  long.forEach(({ time, end }, i) => {
    const beat = countedBeat(map.timing.at(time).tempo);
    const next = long[i + 1];
    if (next && next.end > end && next.end - end < least * beat - tolerance)
      find('M13', 'advisory', next.end, `a release ${Math.round(next.end - end)} ms after another`);
    const isBeat = end - time <= beat + tolerance;
    if (level === 0 && isBeat && presses.some((press) => press > time && press < end - tolerance))
      find('M13', 'advisory', time, 'a note during a long note of a beat');
  });
};

/** M13 to M15: scroll speeds, relative to the first; one issue for each stretch outside of the range. */
export const scrollSpeeds: Check = ({ map, level }, find) => {
  const { id, scroll } = patterns[Math.min(4, level)] ?? patterns[4];
  const first = map.objects[0];
  const last = map.objects.at(-1);
  if (!scroll || !first || !last) return;
  const start = map.timing.at(first.time);
  let outside = false;
  for (const { line, speed, tempo } of map.timing.sections) {
    if (line.time < first.time || line.time > last.end) continue;
    const relative = (bpmOf(tempo) * speed) / (bpmOf(start.tempo) * start.speed);
    const isOutside = Math.abs(speed - 1) > 0.02 && (relative < scroll[0] - 0.02 || relative > scroll[1] + 0.02);
    if (isOutside && !outside) find(id, 'advisory', line.time, `a scroll speed of ${relative.toFixed(2)}`);
    outside = isOutside;
  }
};
