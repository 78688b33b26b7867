// What is measured in osu!mania: rows, chords, jacks, long notes, columns.
import { nearest } from '../chart.mjs';
import { deviation, mean, median, share, sum } from '../numbers.mjs';

/** Figures of a mania chart. A row is every note at one time. */
export function measureMania(chart) {
  const { objects, keys, grid } = chart;
  const rows = rowsOf(objects);
  const sizes = rows.map(({ notes }) => notes.length);
  const holds = objects.filter(({ kind }) => kind === 'hold');
  const columns = Array.from({ length: keys }, (_, n) => objects.filter(({ column }) => column === n).length);
  return {
    notesPerSecond: objects.length / (chart.drainMs / 1000),
    chords: Object.fromEntries([1, 2, 3, 4].map((size) => [size, share(sizes, (one) => one === size)])),
    chordMean: mean(sizes),
    longNoteShare: holds.length / objects.length,
    longNoteBeats: median(holds.map(({ time, end }) => (end - time) / grid.at(time).beatMs)),
    ...jacks(chart, rows),
    ...triples(rows),
    columnCv: deviation(columns) / mean(columns),
    columnLeast: Math.min(...columns) / mean(columns),
    columnMost: Math.max(...columns) / mean(columns),
    notesInColumns: columns,
  };
}

/** Notes by their time: [{ time, notes }], in order. */
function rowsOf(objects) {
  const rows = [];
  for (const note of objects) {
    if (rows.at(-1)?.time !== note.time) rows.push({ time: note.time, notes: [] });
    rows.at(-1).notes.push(note);
  }
  return rows;
}

/** Share of notes whose column was hit in the row before, by the gap of the rows: up to 1/4, and 1/2. */
function jacks({ grid }, rows) {
  const counts = { quarter: 0, half: 0, quarterNotes: 0, halfNotes: 0 };
  rows.slice(1).forEach(({ time, notes }, i) => {
    const before = rows[i];
    const { beatMs } = grid.at(before.time);
    const beats = (time - before.time) / beatMs;
    const held = new Set(before.notes.map(({ column }) => column));
    const repeated = notes.filter(({ column }) => held.has(column)).length;
    const kind = beats <= 0.26 ? 'quarter' : nearest(beats, beatMs, [0.5]) ? 'half' : undefined;
    if (!kind) return;
    counts[kind] += repeated;
    counts[`${kind}Notes`] += notes.length;
  });
  const all = sum(rows.map(({ notes }) => notes.length));
  return { jackQuarter: counts.quarter / all, jackHalf: counts.halfNotes ? counts.half / counts.halfNotes : NaN };
}

/** Of three single notes in a row: there and back again (trill), or three columns one way (stair). */
function triples(rows) {
  const singles = rows.map(({ notes }) => (notes.length === 1 ? notes[0].column : undefined));
  const three = singles.slice(2).flatMap((c, i) => {
    const [a, b] = [singles[i], singles[i + 1]];
    return a === undefined || b === undefined || c === undefined ? [] : [[a, b, c]];
  });
  return {
    trillShare: share(three, ([a, b, c]) => a === c && a !== b),
    stairShare: share(three, ([a, b, c]) => (b - a === 1 && c - b === 1) || (a - b === 1 && b - c === 1)),
  };
}
