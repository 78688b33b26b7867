import { quantised, type Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Spinner } from '../beatmap/hit-objects.ts';
import type { Plan } from '../plan.ts';

/** First and last tick of a spinner (denden). */
interface Span {
  first: Tick;
  last: Tick;
}

/** A sound must last this many beats to be a spinner; the second figure where spinners are asked for. */
const shortestBeats = [4, 2] as const;
/** Spinners of a map: ranked ones have one or two. */
const mostSpinners = [2, 4] as const;
/** Bars between two of them at least. */
const apartBars = 8;
/** An attack inside that would be missed. */
const strongAttack = 1.2;

/** Spinners on the longest sounds of the song under which nothing else begins; the song alone decides. */
export function placeSpinners({ grid, structure }: Score, { style }: Plan): Span[] {
  if (style.spinners < 0 || style.simple > 0) return [];
  const asked = style.spinners > 0 ? 1 : 0;
  const spans = grid.ticks.flatMap((first, i) => {
    if (first.phase > 0 || first.sustain < shortestBeats[asked]) return [];
    const length = Math.floor(first.sustain) * first.tempo.ticksPerBeat;
    const last = grid.ticks[i + length];
    if (!last || last.index - first.index !== length || last.tempo !== first.tempo) return [];
    const inside = grid.ticks.slice(i + 1, i + length);
    const attacks = inside.filter(({ strength }) => strength > strongAttack).length;
    // Where most goes on there are better things to do.
    const calm = 1 - (structure.intensity[first.bar] ?? 0);
    return attacks > 1 ? [] : [{ first, last, worth: first.sustain + calm - attacks }];
  });
  spans.sort((a, b) => quantised(b.worth) - quantised(a.worth) || a.first.index - b.first.index);
  const chosen: Span[] = [];
  for (const span of spans) {
    if (chosen.length === mostSpinners[asked]) break;
    if (chosen.every(({ first }) => Math.abs(first.bar - span.first.bar) >= apartBars)) chosen.push(span);
  }
  return chosen;
}

/** Beats that stay empty before and after a spinner (T12 asks for half of one). */
const room = 0.5;

export function isCrowding({ time }: Tick, { first, last }: Span): boolean {
  const roomMs = room * first.tempo.beatMs - 2;
  return time > first.time - roomMs && time < last.time + roomMs;
}

export const spinnerObject = ({ first, last }: Span): Spinner => ({
  kind: 'spinner',
  time: first.time,
  endTime: last.time,
  newCombo: false,
  sound: 0,
});
