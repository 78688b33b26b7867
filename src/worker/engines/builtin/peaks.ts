import { quantised, type Score } from './compose.ts';
import type { Tempo, Tick } from './hearing/grid.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import { chooseRhythm, type RhythmEvent } from './rhythm/rhythm.ts';
import { taikoBeats } from './rhythm/rules.ts';
import { rootOf } from './hearing/structure.ts';

/** Half a bar, in which a map is at its densest or not. */
interface Stretch {
  seconds: number;
  /** Position among the stretches in order of time. */
  number: number;
  /** All that could be played in it, in order of time. */
  events: RhythmEvent[];
  /** The same, the best first. */
  byRank: RhythmEvent[];
  /** How much goes on in the music. */
  heard: number;
}

/** What is asked of a rhythm, in events a second. */
export interface Densities {
  mean: number;
  /** Fewest events of a map. */
  least?: number;
  /** In the densest eight seconds or so. */
  peak: number;
  /** Shortest gap between events that are not on ticks, ms. */
  fastestMs: (tempo: Tempo) => number;
  /** Scales how much of the map is a peak. */
  share: number;
  /** How far chance moves an event in the order of ranks, as a factor: a seed's own choice among events that are about as good. */
  chance?: number;
}

/** Factor of the mean density for styles that want their notes in long streams, or in short bursts. */
export const evenness = ({ style }: Plan) => 1 + 0.25 * style.streams - 0.2 * style.bursts;

/** Share of a map that is at its densest, and the least of it in seconds: the rating comes from about 20 windows of 400 ms. */
const peakShare = 0.1;
const shortestPeaks = 12;
/** How the density of the peaks falls from the first to the last, as a factor. */
const slope: readonly [number, number] = [1.15, 0.75];
/** Denser than any rhythm. */
const everything = 100;

/**
 * The rhythm of a mode without sliders: about `mean` events a second, and up to `peak` where most goes on in the music. Maps by people have
 * twice their mean density in their densest eight seconds, and these make the rating. Where quarters are too slow for
 * that, a few halves are filled with sixths or eighths of the beat, from Insane on.
 */
export function rhythmWithPeaks(score: Score, plan: Plan, wanted: Densities, random: Random): RhythmEvent[] {
  const { mean, least = 0, peak, fastestMs, share } = wanted;
  const { order, stretches } = prepared(score, plan, wanted, random);
  const usual = Math.max(least, chooseRhythm(score, plan, mean).length);
  const chosen: Chosen = new Map(order.slice(0, usual).map((event) => [event.tick.index, event]));
  const filled = new Map<number, Filling>();
  const peaks = peaksOf(stretches, share);
  peaks.forEach((stretch, n) => {
    const [first, last] = slope;
    const factor = first + ((last - first) * n) / peaks.length;
    const rest = stretch.byRank.filter(({ tick }) => !chosen.has(tick.index));
    const left = Math.round(peak * factor * stretch.seconds) - (stretch.events.length - rest.length);
    for (const event of rest.slice(0, Math.max(0, left))) chosen.set(event.tick.index, event);
    const unmet = left - rest.length;
    if (unmet > 0 && plan.level >= finestLevel) fill(stretch, unmet, chosen, filled, plan, fastestMs);
  });
  const added = [...filled.values()].flatMap(({ events }) => events);
  // A divisor that is used only here and there looks like a mistake (S27).
  if (added.length < Math.max(fewestAdded, leastShare * chosen.size)) return inOrder([...chosen.values()]);
  for (const [index, { replaces }] of filled) if (replaces) chosen.delete(index + 1);
  return inOrder([...chosen.values(), ...added]);
}

/** What does not depend on the densities. */
interface Prepared {
  plan: Plan;
  random: Random;
  /** All events, the best first; every part of them keeps the rules. */
  order: RhythmEvent[];
  /** Those in which most goes on first. */
  stretches: Stretch[];
}

/** The last plan's of each score: a fit asks again and again. */
const known = new WeakMap<Score, Prepared>();

function prepared(score: Score, plan: Plan, { chance = 0 }: Densities, random: Random): Prepared {
  const before = known.get(score);
  if (before?.plan === plan && before.random === random) return before;
  const { twins } = score.structure;
  const every = chooseRhythm(score, plan, everything);
  const isLeftOut = ({ rank, tick: { bar, place } }: RhythmEvent) =>
    rank > every.length / 2 && random('left out', rootOf(bar, twins), 12 * place) < leftOut;
  const all = chance > 0 ? every.filter((event) => !isLeftOut(event)) : every;
  // Bars that sound alike draw alike, and a quarter with the beat or half before it.
  const place = ({ rank, tick }: RhythmEvent) =>
    (rank + 1) * Math.exp(chance * (random('rhythm', rootOf(tick.bar, twins), tick.place >> 1) - 0.5));
  const keys = new Map(all.map((event) => [event, chance > 0 ? Math.round(1e6 * place(event)) : event.rank]));
  const byKey = (a: RhythmEvent, b: RhythmEvent) => keys.get(a)! - keys.get(b)! || a.rank - b.rank;
  const stretches = stretchesOf(all, score, random);
  for (const stretch of stretches) stretch.byRank = [...stretch.events].sort(byKey);
  stretches.sort((a, b) => quantised(b.heard) - quantised(a.heard) || a.number - b.number);
  const now = { plan, random, order: [...all].sort(byKey), stretches };
  known.set(score, now);
  return now;
}

/** Where the stars take all there is, of the less likely half of the events a seed does without these: so two seeds differ there too. */
const leftOut = 0.15;
const fewestAdded = 6;
const leastShare = 0.008;

const inOrder = (events: RhythmEvent[]) => events.sort((a, b) => a.tick.time - b.tick.time);

/** What a half of a beat is filled with. */
interface Filling {
  events: RhythmEvent[];
  /** Whether its quarter makes room. */
  replaces: boolean;
}

/** The events on ticks, by the tick's index. */
type Chosen = Map<number, RhythmEvent>;

function stretchesOf(events: readonly RhythmEvent[], { structure }: Score, random: Random): Stretch[] {
  const stretches = new Map<string, Stretch>();
  for (const event of events) {
    const { bar, place, tempo, phase, strength } = event.tick;
    const length = (tempo.meter * tempo.ticksPerBeat) / 2;
    const half = place < length ? 0 : 1;
    const key = `${bar} ${half}`;
    let stretch = stretches.get(key);
    if (!stretch) {
      const noise = 0.3 * random('peak', rootOf(bar, structure.twins), half);
      const heard = 2 * (structure.intensity[bar] ?? 0) + noise + (bar % 4 === 3 ? 0.2 : 0);
      const seconds = (tempo.meter * tempo.beatMs) / 2000;
      stretch = { number: stretches.size, seconds, events: [], byRank: [], heard };
      stretches.set(key, stretch);
    }
    stretch.events.push(event);
    // Fast notes in the music are what a dense stretch is for.
    if (phase === 2) stretch.heard += (1.5 * Math.log1p(strength)) / length;
  }
  return [...stretches.values()];
}

function peaksOf(stretches: readonly Stretch[], share: number): Stretch[] {
  const whole = stretches.reduce((sum, { seconds }) => sum + seconds, 0);
  let left = share * Math.max(shortestPeaks, peakShare * whole);
  const peaks: Stretch[] = [];
  for (const stretch of stretches) {
    if (left <= 0) break;
    peaks.push(stretch);
    left -= stretch.seconds;
  }
  return peaks;
}

/** Insane: the first level in which people go below quarters. */
const finestLevel = 3;

/** Fills half beats of the stretch with about `most` events more. */
function fill(
  { events }: Stretch,
  most: number,
  chosen: Chosen,
  filled: Map<number, Filling>,
  { mode, level }: Plan,
  fastestMs: Densities['fastestMs'],
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
