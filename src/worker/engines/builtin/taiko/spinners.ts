import { quantised, type Draft, type Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { HitObject } from '../beatmap/hit-objects.ts';
import type { Plan } from '../plan.ts';
import { countedBeatMs } from './notes.ts';

/** First and last tick of what lasts: a spinner (denden) or a drumroll. */
interface Span {
  kind: 'spinner' | 'roll';
  first: Tick;
  last: Tick;
}

/** A sound must last this many beats to be a spinner; the second figure where spinners are asked for. */
const shortestSpinner = [3, 2] as const;
/** Spinners of a map: ranked ones have one or two. */
const mostSpinners = [2, 4] as const;
/** Drumrolls of a map, and their length in beats: of 21 ranked maps nine have one to nine, most of two or three beats. */
const mostRolls = 4;
const rollBeats = [2, 3] as const;
/** Bars between two of them at least. */
const apartBars = 8;
/** An attack inside that would be missed. */
const strongAttack = 1.2;

/** Spinners on the longest sounds of the song under which nothing else begins, drumrolls on the next; the song alone decides. */
export function placeSpans({ grid, structure }: Score, { style }: Plan): Span[] {
  if (style.simple > 0) return [];
  const asked = style.spinners > 0 ? 1 : 0;
  const [shortest, longest] = rollBeats;
  const sounds = grid.ticks.flatMap((first, i) => {
    if (first.phase > 0 || first.sustain < shortest) return [];
    const at = (beats: number) => grid.ticks[i + beats * first.tempo.ticksPerBeat];
    const length = Math.floor(first.sustain) * first.tempo.ticksPerBeat;
    const last = at(Math.floor(first.sustain));
    const rollEnd = at(Math.min(longest, Math.floor(first.sustain)));
    if (!last || !rollEnd || last.index - first.index !== length || last.tempo !== first.tempo) return [];
    const inside = grid.ticks.slice(i + 1, i + length);
    const attacks = inside.filter(({ strength }) => strength > strongAttack).length;
    // Where most goes on there are better things to do.
    const calm = 1 - (structure.intensity[first.bar] ?? 0);
    return attacks > 1 ? [] : [{ first, last, rollEnd, worth: first.sustain + calm - attacks }];
  });
  sounds.sort((a, b) => quantised(b.worth) - quantised(a.worth) || a.first.index - b.first.index);
  const chosen: Span[] = [];
  const left = { spinner: style.spinners < 0 ? 0 : mostSpinners[asked], roll: mostRolls };
  for (const { first, last, rollEnd } of sounds) {
    const kind = left.spinner > 0 && first.sustain >= shortestSpinner[asked] ? 'spinner' : 'roll';
    if (left[kind] === 0 || chosen.some((other) => Math.abs(other.first.bar - first.bar) < apartBars)) continue;
    left[kind] -= 1;
    chosen.push({ kind, first, last: kind === 'spinner' ? last : rollEnd });
  }
  return chosen;
}

/** Beats, as they are counted or longer, that stay empty before and after (T12 asks for half of one at a spinner). */
const room = 0.5;

export function isCrowding({ time }: Tick, { first, last }: Span): boolean {
  const roomMs = room * Math.max(first.tempo.beatMs, countedBeatMs(first.tempo)) - 2;
  return time > first.time - roomMs && time < last.time + roomMs;
}

/** The object in the file. A drumroll's length is how far it scrolls, so it hangs on the scroll speed that holds where it begins. */
export function spanObject({ kind, first, last }: Span, plan: Plan, speeds: Draft['speeds']): HitObject {
  const timed = { time: first.time, endTime: last.time, newCombo: false, sound: 0 };
  if (kind === 'spinner') return { kind, ...timed };
  const { tempo } = first;
  const speed = speeds.findLast(({ time }) => time <= first.time)?.factor ?? 1;
  const beats = (last.index - first.index) / tempo.ticksPerBeat / tempo.pulse;
  const length = 100 * plan.sliderMultiplier * speed * beats;
  const path = { type: 'L' as const, points: [left, { x: left.x + Math.max(1, Math.round(length)), y: left.y }] };
  return { kind: 'slider', ...timed, ...left, path, length, slides: 1, edgeSounds: [0, 0] };
}

/** Where it begins means nothing in the mode. */
const left = { x: 0, y: 192 };
