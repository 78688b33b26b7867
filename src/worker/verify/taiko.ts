import type { MapObject } from './hit-object.ts';
import type { Check, Judged } from './judged.ts';
import type { TimingLine } from './timing-lines.ts';

export interface Note {
  time: number;
  kat: boolean;
  finisher: boolean;
  /** ms of a normalised beat at the note. */
  beat: number;
  /** Beats since the note or other object before, and to the next; Infinity at an end. */
  gapBefore: number;
  gapAfter: number;
}

/** ms that a gap may be longer than its fraction of a beat and still count as that: times are whole ms. */
const tolerance = 2;

/** A beat as rhythms are told by: doubled, halved or divided by 1.5 into 222 to 461 ms (mapping reference 1.0). */
export function normalisedBeat({ beatLength }: TimingLine): number {
  let beat = beatLength;
  if (!(beat > 0.01 && beat < 1e6)) return 333;
  while (beat <= 222) beat *= 2;
  while (beat >= 545) beat /= 2;
  return beat >= 461 ? beat / 1.5 : beat;
}

/** The drum notes of a map. Gaps go to rolls and spinners too: from their end, and to their start. */
export function notesOf({ map }: Judged): Note[] {
  const notes: Note[] = [];
  map.objects.forEach((object, i) => {
    if (object.kind !== 'circle') return;
    const beat = normalisedBeat(map.timing.at(object.time).tempo);
    const sound = object.sounds[0]?.sound ?? 0;
    const gap = (from: MapObject | undefined, to: MapObject | undefined) =>
      from && to ? (to.time - from.end) / beat : Infinity;
    notes.push({
      time: object.time,
      kat: (sound & (2 | 8)) !== 0,
      finisher: (sound & 4) !== 0,
      beat,
      gapBefore: gap(map.objects[i - 1], object),
      gapAfter: gap(object, map.objects[i + 1]),
    });
  });
  return notes;
}

/** Whether a gap is this fraction of a beat or less. */
export const atMost = (gap: number, fraction: number, beat: number): boolean =>
  gap * beat <= fraction * beat + tolerance;
const lessThan = (gap: number, fraction: number, beat: number) => gap * beat < fraction * beat - tolerance;

/** Least gap in beats for Kantan, Futsuu, Muzukashii, Oni. */
const leastGap = [1 / 2, 1 / 3, 1 / 6, 1 / 8];

/** T01: notes keep the least gap of their level; in swing Kantan may use thirds. */
export const noteGaps: Check = (judged, find) => {
  const { level, lowest } = judged;
  const notes = notesOf(judged);
  let least = leastGap[level];
  if (least === undefined) return;
  if (level === 0 && swings(notes)) least = 1 / 3;
  if (level === 1 && lowest) least = 1 / 2;
  for (const { time, gapBefore, beat } of notes) {
    if (lessThan(gapBefore, least, beat))
      find('T01', 'blocking', time, `1/${(1 / gapBefore).toFixed(1)} of a beat after the object before`);
    else if (level === 3 && lessThan(gapBefore, 1 / 6, beat))
      find('T01', 'advisory', time, `1/${(1 / gapBefore).toFixed(1)} of a beat in an Oni`);
  }
};

/** Whether a map has more gaps of thirds than of halves and quarters. */
function swings(notes: readonly Note[]): boolean {
  const is = (gap: number, fraction: number, beat: number) => Math.abs(gap - fraction) * beat <= tolerance;
  const count = (...fractions: number[]) =>
    notes.filter(({ gapBefore, beat }) => fractions.some((fraction) => is(gapBefore, fraction, beat))).length;
  return count(1 / 3, 2 / 3) > count(1 / 2, 1 / 4);
}

/** Gap in beats up to which notes are one pattern in which a finisher has no place. */
const finisherGap = [1 / 2, 1 / 3, 1 / 4, 1 / 6];

/** T02: big notes stand alone, or end a pattern with a change of colour. */
export const finishers: Check = (judged, find) => {
  const notes = notesOf(judged);
  const { level } = judged;
  notes.forEach((note, i) => {
    if (!note.finisher) return;
    const close = (fraction: number) =>
      atMost(note.gapBefore, fraction, note.beat) || atMost(note.gapAfter, fraction, note.beat);
    const limit = finisherGap[level];
    if (limit !== undefined && close(limit)) return find('T02', 'blocking', note.time, 'a big note inside a pattern');
    const edge = level === 3 ? 1 / 4 : level > 3 ? 1 / 3 : null;
    if (edge === null || !close(edge)) return;
    const grade = level === 3 ? 'blocking' : 'advisory';
    if (atMost(note.gapAfter, edge, note.beat))
      find('T02', grade, note.time, 'a big note that does not end its pattern');
    else if (notes[i - 1]?.kat === note.kat) find('T02', grade, note.time, 'a big note after one of the same colour');
  });
};

/** T03: the densest patterns of the low levels are plain and short. */
export const densePatterns: Check = (judged, find) => {
  const { level } = judged;
  const fraction = [1 / 2, 1 / 3, 1 / 4][level];
  if (fraction === undefined) return;
  for (const run of patterns(notesOf(judged), fraction)) {
    const [first] = run;
    const last = run.at(-1);
    if (!first || !last) continue;
    if (level === 2) {
      if (run.length > 5) find('T03', 'blocking', first.time, `a 1/4 pattern of ${run.length} notes`);
    } else if (run.some(({ kat }) => kat !== first.kat))
      find('T03', 'blocking', first.time, 'a dense pattern changes colour');
    else if (lessThan(last.gapAfter, 1, last.beat)) find('T03', 'blocking', last.time, 'no rest after a dense pattern');
  }
};

/** Runs of two or more notes with gaps of at most this fraction of a beat. */
export function patterns(notes: readonly Note[], fraction: number): Note[][] {
  const runs: Note[][] = [];
  let run: Note[] = [];
  notes.forEach((note, i) => {
    run.push(note);
    const next = notes[i + 1];
    if (next && atMost(note.gapAfter, fraction, note.beat) && atMost(next.gapBefore, fraction, note.beat)) return;
    if (run.length > 1) runs.push(run);
    run = [];
  });
  return runs;
}

/**
 * T04: no note a moment before the first barline of a red line, where it would show with the speed of before; and barlines of red
 * lines half a bar from another, or left out. The latter is advice: people ranked maps with such barlines (docs/verifier.md).
 */
export const barlines: Check = ({ map }, find) => {
  const { red } = map.timing;
  const notes = map.objects.filter(({ kind }) => kind === 'circle').map(({ time }) => time);
  red.forEach((line, i) => {
    const before = red[i - 1];
    if (!before || line.omitBarline) return;
    const bar = before.beatLength * before.meter;
    const past = (line.time - before.time) % bar;
    if (past > 2 && past < bar / 2)
      find('T04', 'advisory', line.time, `a barline ${Math.round(past)} ms after another`);
    const early = notes.find((time) => line.time - time >= 1 && line.time - time <= 2);
    if (early !== undefined) find('T04', 'blocking', early, 'a note a moment before the barline of a red line');
  });
};
