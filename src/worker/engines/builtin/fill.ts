import type { Tempo, Tick } from './hearing/grid.ts';
import type { Plan } from './plan.ts';
import type { RhythmEvent } from './rhythm/rhythm.ts';
import { taikoBeats } from './rhythm/rules.ts';

/** What a half of a beat is filled with. */
export interface Filling {
  events: RhythmEvent[];
  /** Whether its quarter makes room. */
  replaces: boolean;
}

/** The events on ticks, by the tick's index. */
export type Chosen = Map<number, RhythmEvent>;

/** Insane: the first level in which people go below quarters. */
export const finestLevel = 3;

/** Fills half beats among the events of a stretch with about `most` events more, no nearer than `fastestMs`. */
export function fill(
  events: readonly RhythmEvent[],
  most: number,
  chosen: Chosen,
  filled: Map<number, Filling>,
  { mode, level }: Plan,
  fastestMs: (tempo: Tempo) => number,
): void {
  const halves = events
    .filter(({ tick: { phase, index, place, tempo } }) => {
      // Of a beat of three ticks only the first two: what begins on its last would lie over the next beat's.
      const whole = phase < 2 && (place % tempo.ticksPerBeat) + 2 <= tempo.ticksPerBeat;
      return whole && chosen.has(index) && chosen.get(index + 2)?.tick.tempo === tempo;
    })
    .sort((a, b) => heardWithin(chosen, b) - heardWithin(chosen, a) || a.tick.index - b.tick.index);
  let left = most;
  for (const event of halves) {
    const { index, tempo } = event.tick;
    if (left <= 0) break;
    if (mode === 1 && level === finestLevel && !fitsOni(chosen, filled, event.tick)) continue;
    const quarter = chosen.has(index + 1);
    const parts = partsOf(tempo, fastestMs(tempo));
    if (parts === eighths ? !quarter : parts.length === 0) continue;
    const replaces = parts === sixths && quarter;
    filled.set(index, { events: parts.map((part) => ({ ...event, tick: between(event.tick, part) })), replaces });
    left -= replaces ? 1 : 2;
  }
}

/**
 * Whether an Oni has room for one more filled half (T10: runs of nine quarters or faster, as the beat is counted). Where the song's
 * quarters are slower than counted ones only the filled halves count, of which two have nine notes; else the run around does.
 */
function fitsOni(chosen: Chosen, filled: ReadonlyMap<number, Filling>, { index, tempo }: Tick): boolean {
  const [before, after] = [filled.has(index - 2), filled.has(index + 2)];
  if (taikoBeats(tempo) / tempo.ticksPerBeat > 0.26)
    return !(before && after) && !(before && filled.has(index - 4)) && !(after && filled.has(index + 4));
  return !before && !after && runAround(chosen, index) <= longestOniRun;
}

const longestOniRun = 7;

/** Length of the run of ticks in which this one is. */
function runAround(chosen: Chosen, index: number): number {
  let [from, to] = [index, index];
  while (chosen.has(from - 1)) from -= 1;
  while (chosen.has(to + 1)) to += 1;
  return to - from + 1;
}

const heardWithin = (chosen: Chosen, { tick }: RhythmEvent) =>
  Math.round(1e6 * ((chosen.get(tick.index + 1)?.weight ?? 0) + (tick.phase === 1 ? 0.5 : 0)));

/** Places between two ticks that are half a beat apart, in ticks. */
const eighths = [1 / 2, 3 / 2];
const sixths = [2 / 3, 4 / 3];

/** Ticks are halved where that is not too fast, else the half of a beat is parted into three; a third of a beat is halved only. */
function partsOf({ beatMs, ticksPerBeat }: Tempo, fastestMs: number): readonly number[] {
  if (beatMs / ticksPerBeat / 2 >= fastestMs) return eighths;
  const slowEnough = (2 / 3) * (beatMs / ticksPerBeat) >= 0.9 * fastestMs;
  return ticksPerBeat === 4 && slowEnough ? sixths : [];
}

/** A place between ticks, `part` ticks after one. */
function between(tick: Tick, part: number): Tick {
  const { tempo } = tick;
  const step = tempo.beatMs / tempo.ticksPerBeat;
  const place = Math.round((tick.time - tempo.point.offsetMs) / step);
  const time = Math.floor(tempo.point.offsetMs + (place + part) * step + 1e-6);
  return { ...tick, index: tick.index + part, place: tick.place + part, phase: 2, time };
}
