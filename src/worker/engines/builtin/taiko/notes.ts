import type { Score } from '../compose.ts';
import type { Tempo, Tick } from '../grid.ts';
import type { RhythmEvent } from '../rhythm.ts';

/**
 * Length of a beat by which the ranking criteria's gaps are counted, ms: halved and doubled until it lies between 222 and 461 ms,
 * as MapsetVerifier's documentation scales BPM for taiko.
 */
export function countedBeatMs(tempo: Tempo): number {
  let beat = 60_000 / tempo.point.bpm;
  while (beat <= 222) beat *= 2;
  while (beat >= 545) beat /= 2;
  while (beat >= 461) beat /= 1.5;
  return beat;
}

/** Smallest gap by level, in counted beats (T01): a Futsuu is taken for the lowest difficulty of its set. */
const smallestGaps = [1 / 2, 1 / 2, 1 / 6, 1 / 6, 1 / 8, 1 / 8];

interface RunLimit {
  /** Notes this far apart or nearer are one run, in counted beats. */
  gap: number;
  /** Most notes in such a run. */
  notes: number;
}

/** Longest runs by level (T03, T10); Inner Oni has none. */
const runLimits: readonly (readonly RunLimit[])[] = [
  [
    { gap: 1, notes: 7 },
    { gap: 1 / 2, notes: 2 },
  ],
  [{ gap: 1 / 2, notes: 5 }],
  [
    { gap: 1 / 4, notes: 5 },
    { gap: 1 / 6, notes: 3 },
  ],
  [
    { gap: 1 / 4, notes: 9 },
    { gap: 1 / 6, notes: 3 },
  ],
  [],
  [],
];

/** Rounding of times to whole ms moves a gap by up to one; the criteria's own tolerance is two. */
const toleranceMs = 2;

/**
 * The events that a map of the level may have: far enough apart, in runs that are short enough, and no quarter at the edge of a
 * run, so that runs have an odd number of notes (84 to 95 % of the runs of ranked maps).
 */
export function legalNotes(events: readonly RhythmEvent[], level: number): RhythmEvent[] {
  let notes = spread(events, smallestGaps[level]!);
  for (const limit of runLimits[level]!) notes = shortenRuns(notes, limit);
  return withoutLooseQuarters(notes);
}

/** Drops the lighter of two events that are too near. */
function spread(events: readonly RhythmEvent[], smallest: number): RhythmEvent[] {
  const kept: RhythmEvent[] = [];
  for (const event of events) {
    let before = kept.at(-1);
    while (before && !isApart(before.tick, event.tick, smallest) && before.weight < event.weight) {
      kept.pop();
      before = kept.at(-1);
    }
    if (!before || isApart(before.tick, event.tick, smallest)) kept.push(event);
  }
  return kept;
}

const isApart = (a: Tick, b: Tick, beats: number) => b.time - a.time >= beats * countedBeatMs(b.tempo) - toleranceMs;

/** Whether two notes belong to one run of the gap. */
export const isWithin = (a: Tick, b: Tick, beats: number) =>
  b.time - a.time <= beats * countedBeatMs(b.tempo) + toleranceMs;

/** How many of a run's last notes may be given up to end it: the lightest is. */
const victims = 3;

function shortenRuns(events: readonly RhythmEvent[], { gap, notes }: RunLimit): RhythmEvent[] {
  const kept: RhythmEvent[] = [];
  let run = 0;
  for (const event of events) {
    const before = kept.at(-1);
    run = before && isWithin(before.tick, event.tick, gap) ? run + 1 : 1;
    kept.push(event);
    if (run <= notes) continue;
    const last = kept.slice(-Math.min(victims, notes));
    const victim = last.reduce((lightest, other) => (other.weight < lightest.weight ? other : lightest));
    kept.splice(kept.lastIndexOf(victim), 1);
    run = last.length - 1 - last.indexOf(victim);
  }
  return kept;
}

function withoutLooseQuarters(events: readonly RhythmEvent[]): RhythmEvent[] {
  const taken = new Set(events.map(({ tick }) => tick.index));
  return events.filter(({ tick: { phase, index } }) => phase < 2 || (taken.has(index - 1) && taken.has(index + 1)));
}

interface Rest {
  /** Beats without a note between two notes. */
  beats: number;
  /** Bars in which there is one. */
  every: number;
}

/** Moments of rest by level (T11): within 36 beats, in an Oni within 20. */
const rests: readonly (Rest | null)[] = [
  { beats: 3, every: 6 },
  { beats: 2, every: 6 },
  { beats: 1.5, every: 4 },
  { beats: 1, every: 4 },
  null,
  null,
];

/** Indices of the ticks that stay empty for the player to rest: in the second half of every few bars, where least is heard. */
export function restingTicks({ grid }: Score, level: number): Set<number> {
  const rest = rests[level];
  const empty = new Set<number>();
  if (!rest) return empty;
  const groups = new Map<number, Tick[]>();
  for (const tick of grid.ticks) {
    const group = Math.floor(tick.bar / rest.every);
    const inGroup = tick.bar - group * rest.every;
    if (inGroup < rest.every / 2) continue;
    const ticks = groups.get(group) ?? [];
    groups.set(group, ticks);
    ticks.push(tick);
  }
  for (const ticks of groups.values()) for (const tick of quietest(ticks, rest.beats)) empty.add(tick.index);
  return empty;
}

/** The ticks inside the stretch of `beats` from a beat or half beat on in which least is heard. */
function quietest(ticks: readonly Tick[], beats: number): Tick[] {
  let best: Tick[] = [];
  let least = Infinity;
  ticks.forEach((tick, i) => {
    const inside = beats * tick.tempo.ticksPerBeat;
    if (tick.phase === 2 || i + inside >= ticks.length) return;
    const stretch = ticks.slice(i + 1, i + inside);
    const heard = stretch.reduce((sum, { strength, phase }) => sum + strength + (phase === 0 ? 0.5 : 0), 0);
    if (heard >= least) return;
    least = heard;
    best = stretch;
  });
  return best;
}
