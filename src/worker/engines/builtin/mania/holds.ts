import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';

/** A note in its column. */
export interface Note {
  tick: Tick;
  column: number;
  /** Whole ms, of a long note. */
  endTime?: number;
}

/** Shortest long note by level, beats (M13 to M15). */
const shortest = [1, 1 / 2, 1 / 4, 1 / 4, 1 / 4, 1 / 4];
const longestBeats = 4;
/** Rest of a column after a long note, beats; the blocking bound is 30 ms. */
const release = 1 / 4;
const blockingGapMs = 31;
const shortestHoldMs = 20;

interface Candidate {
  note: Note;
  endTime: number;
  /** 0: as the level asks; 1: among other notes; 2: legal only. */
  rank: number;
  sustain: number;
}

/**
 * Makes `plan.holdRatio` of the notes long (to the note): those that sound longest, until the sound ends or the column is needed
 * again. Where a level's bounds allow fewer than were asked for, shorter ones follow. `notes` in order of time.
 */
export function holdNotes(notes: readonly Note[], score: Score, plan: Plan): void {
  const wanted = Math.round(plan.holdRatio * notes.length);
  if (wanted === 0) return;
  const ticks = new Map(score.grid.ticks.map((tick) => [tick.index, tick]));
  const next = nextInColumn(notes);
  const { tempos } = score.grid;
  const lastTime = score.grid.ticks.at(-1)?.time ?? 0;
  const afterTempo = new Map(tempos.map((tempo, i) => [tempo, tempos[i + 1]]));
  const candidates = notes.flatMap((note, i) => {
    const after = afterTempo.get(note.tick.tempo);
    // A short end is counted by the note's own tempo and must lie in it.
    const latest = Math.min(next[i]! - blockingGapMs, after ? after.point.offsetMs - 1 : lastTime);
    const long = candidate(note, next[i]!, latest, ticks, plan);
    if (!long) return [];
    // In an Easy nothing happens during a long note of a beat (M13): a longer one, as long as there are enough of such.
    const around = notes.slice(Math.max(0, i - 2), i + 4);
    const busy = plan.level === 0 && around.some((other) => other !== note && isDuring(other, note, long.endTime));
    return busy ? (longer(note, next[i]!, ticks) ?? { ...long, rank: 1 }) : long;
  });
  candidates.sort((a, b) => a.rank - b.rank || b.sustain - a.sustain || a.note.tick.index - b.note.tick.index);
  const chosen: Candidate[] = [];
  for (const one of candidates) if (chosen.length < wanted && isReleasable(one, chosen, plan)) chosen.push(one);
  const rest = candidates.filter((one) => !chosen.includes(one));
  for (const { note, endTime } of [...chosen, ...rest.slice(0, wanted - chosen.length)]) note.endTime = endTime;
}

/** Up to Normal hands come off together or the level's shortest long note apart (M13). */
function isReleasable({ note, endTime, rank }: Candidate, chosen: readonly Candidate[], { level }: Plan): boolean {
  if (level > 1) return true;
  const apart = shortest[level]! * note.tick.tempo.beatMs - 2;
  return rank < 2 && chosen.every((other) => other.endTime === endTime || Math.abs(other.endTime - endTime) >= apart);
}

const isDuring = (other: Note, { tick }: Note, endTime: number) =>
  other.tick.time >= tick.time && other.tick.time < endTime;

/** Of each note the time of the next in its column. */
function nextInColumn(notes: readonly Note[]): number[] {
  const times = new Map<number, number>();
  const next = new Array<number>(notes.length).fill(Infinity);
  for (let i = notes.length - 1; i >= 0; i -= 1) {
    const { column, tick } = notes[i]!;
    next[i] = times.get(column) ?? Infinity;
    times.set(column, tick.time);
  }
  return next;
}

type Ticks = ReadonlyMap<number, Tick>;

function candidate(note: Note, next: number, last: number, ticks: Ticks, { level }: Plan): Candidate | undefined {
  const { tick } = note;
  const { beatMs, ticksPerBeat } = tick.tempo;
  const { sustain } = tick;
  const least = Math.ceil(shortest[level]! * ticksPerBeat);
  const wished = level === 0 ? least : Math.max(least, Math.round(Math.min(sustain, longestBeats) * ticksPerBeat));
  const latest = next - release * beatMs + 1;
  for (let length = wished; length >= least; length -= 1) {
    const end = ticks.get(tick.index + length);
    if (end && end.time <= latest && end.tempo === tick.tempo) return { note, endTime: end.time, rank: 0, sustain };
  }
  const endTime = shortEnd(tick, last);
  return endTime === undefined ? undefined : { note, endTime, rank: 2, sustain };
}

/** A note that is long for one and a half or two beats, where its column has room. */
function longer(note: Note, next: number, ticks: Ticks): Candidate | undefined {
  const { tick } = note;
  const { beatMs, ticksPerBeat } = tick.tempo;
  const ends = [2, 1.5].map((beats) => ticks.get(tick.index + beats * ticksPerBeat));
  const end = ends.find((one) => one && one.time <= next - release * beatMs + 1 && one.tempo === tick.tempo);
  return end && { note, endTime: end.time, rank: 0, sustain: tick.sustain };
}

/** Parts of the song's beat on which a short note may end, the plainest first. */
const divisors = [4, 6, 8, 12, 16];

/** The latest end that leaves the column room, on the plainest part of the beat that has one. */
function shortEnd({ time, tempo }: Tick, last: number): number | undefined {
  const { bpm, offsetMs } = tempo.point;
  const latest = Math.min(last, time + 0.75 * tempo.beatMs);
  return divisors
    .map((divisor) => {
      const step = 60_000 / bpm / divisor;
      return Math.floor(offsetMs + Math.floor((latest + 1 - offsetMs) / step) * step + 1e-6);
    })
    .find((end) => end - time >= shortestHoldMs && end <= latest);
}
