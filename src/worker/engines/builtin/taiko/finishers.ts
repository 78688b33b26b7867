import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import { isWithin } from './notes.ts';

/** Share of notes that are finishers in ranked maps, by level. */
const shares = [0.1, 0.1, 0.075, 0.04, 0.027, 0.025];
/** No note may be this near to a finisher (T02), counted beats. */
const nearest = [1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 6, 1 / 6];
/** Nearer than this a finisher must end its pattern, on a change of colour. */
const patterns = [1 / 2, 1 / 3, 1 / 4, 1 / 4, 1 / 3, 1 / 3];
/** Beats between two finishers at least. */
const apartBeats = 2;

/**
 * Which notes are finishers (large): the strongest accents on downbeats and section starts, as many as in ranked maps of the level,
 * where the gaps around allow one.
 */
export function placeFinishers(notes: readonly Tick[], kats: readonly boolean[], score: Score, plan: Plan): boolean[] {
  const { level, style } = plan;
  const starts = new Set(score.structure.sections.map(({ firstBar }) => firstBar));
  const wanted = Math.round(shares[level]! * notes.length * (style.finishers >= 0 ? 1 + style.finishers : 0.3));
  const order = notes
    .map((tick, i) => ({ i, accent: accent(tick, starts) }))
    .filter(({ i }) => isAllowed(i, notes, kats, level))
    .sort((a, b) => b.accent - a.accent || a.i - b.i);
  const finishers = new Array<boolean>(notes.length).fill(false);
  let left = wanted;
  for (const { i } of order) {
    if (left === 0) break;
    if (crowded(i, notes, finishers)) continue;
    finishers[i] = true;
    left -= 1;
  }
  return finishers;
}

function accent({ place, bar, phase, strength, crash }: Tick, sectionStarts: ReadonlySet<number>): number {
  const metre = place === 0 ? (sectionStarts.has(bar) ? 3 : 1.5) : phase === 0 ? 0.5 : 0;
  return Math.round((metre + Math.log1p(strength) + 2 * crash) * 1e6);
}

function isAllowed(i: number, notes: readonly Tick[], kats: readonly boolean[], level: number): boolean {
  const [before, tick, after] = [notes[i - 1], notes[i]!, notes[i + 1]];
  const pattern = patterns[level]!;
  if (after && isWithin(tick, after, pattern)) return false;
  if (!before || !isWithin(before, tick, pattern)) return true;
  return !isWithin(before, tick, nearest[level]!) && kats[i] !== kats[i - 1];
}

function crowded(i: number, notes: readonly Tick[], finishers: readonly boolean[]): boolean {
  const { time, tempo } = notes[i]!;
  const near = (j: number) => notes[j] !== undefined && Math.abs(notes[j].time - time) < apartBeats * tempo.beatMs - 2;
  for (let j = i - 1; near(j); j -= 1) if (finishers[j]) return true;
  for (let j = i + 1; near(j); j += 1) if (finishers[j]) return true;
  return false;
}
