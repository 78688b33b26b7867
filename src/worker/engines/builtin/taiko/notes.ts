import type { Score } from '../compose.ts';
import type { Tempo, Tick } from '../hearing/grid.ts';
import { rootOf } from '../hearing/structure.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';
import { taikoBeats } from '../rhythm/rules.ts';

/** Length of a beat as osu!taiko's ranking criteria count it, ms. */
export const countedBeatMs = (tempo: Tempo): number => tempo.beatMs / taikoBeats(tempo);

/** Rounding of times to whole ms moves a gap by up to one; the criteria's own tolerance is two. */
const toleranceMs = 2;

/** Whether two notes belong to one run of the gap. */
export const isWithin = (a: Tick, b: Tick, beats: number) =>
  b.time - a.time <= beats * countedBeatMs(b.tempo) + toleranceMs;

/** Whether a run may begin or end on this quarter, and so have an even number of notes. */
export type Spared = (tick: Tick) => boolean;

/** Share of quarters at which runs may end, by level: of the runs of ranked Oni 84 to 95 % are odd, of those below all. */
const looseEnds = [0, 0, 0, 0.5, 0.3, 0.3];

/** Bars that sound alike spare alike. */
export const sparing =
  ({ structure: { twins } }: Score, { level }: Plan, random: Random): Spared =>
  ({ bar, place, phase }) =>
    phase === 2 && random('even run', rootOf(bar, twins), 12 * place) < looseEnds[level]!;

/** Without the quarters at the edge of a run, but for those to be `spared`: so most runs have an odd number of notes. */
export function withoutLooseQuarters(events: readonly RhythmEvent[], spared: Spared): RhythmEvent[] {
  const indices = events.map(({ tick }) => tick.index);
  const isNear = (a: number | undefined, b: number | undefined) => b! - a! <= 1;
  return events.filter(
    ({ tick: { phase, index } }, i) =>
      phase < 2 ||
      !Number.isInteger(index) ||
      (isNear(indices[i - 1], index) && isNear(index, indices[i + 1])) ||
      spared(events[i]!.tick),
  );
}

/** From this level on runs are odd: in a Kantan a pair is all that the rules allow, and what makes its rating. */
const firstOddLevel = 1;

/**
 * Runs at a quarter of the song's own beat with an odd number of notes, also where that is not the grid's: of an even one the end goes
 * that has less to say.
 */
export function inOddRuns(events: readonly RhythmEvent[], level: number, spared: Spared): RhythmEvent[] {
  if (level < firstOddLevel) return [...events];
  const dropped = new Set<RhythmEvent>();
  let first = 0;
  events.forEach((event, i) => {
    const next = events[i + 1];
    if (next && isQuarter(event.tick, next.tick)) return;
    const length = i + 1 - first;
    const isSpared = [events[first]!, event].some(({ tick }) => spared(tick));
    if (length % 2 === 0 && !isSpared) dropped.add(events[first]!.weight < event.weight ? events[first]! : event);
    first = i + 1;
  });
  return events.filter((event) => !dropped.has(event));
}

const isQuarter = (a: Tick, b: Tick) => Math.abs(b.time - a.time - 15_000 / a.tempo.point.bpm) <= toleranceMs;

/** Two notes half a counted beat apart in a Kantan, a third in a Futsuu, are followed by a rest of a beat (T03): without what follows too soon. */
export function withRestAfterPairs(events: readonly RhythmEvent[], level: number): RhythmEvent[] {
  const dense = densestGaps[level];
  if (dense === undefined) return [...events];
  const kept: RhythmEvent[] = [];
  let paired = false;
  for (const event of events) {
    const before = kept.at(-1)?.tick;
    if (paired && before && isWithin(before, event.tick, restAfterPair)) continue;
    paired = before !== undefined && isWithin(before, event.tick, dense);
    kept.push(event);
  }
  return kept;
}

/** Gaps of the densest patterns that the two lowest levels have, counted beats: they have one colour and a rest after them (T03). */
export const densestGaps = [1 / 2, 1 / 3];

/** Just under a beat, so that a gap of one is none that is within it. */
const restAfterPair = 0.97;
