import { quantised, type Score } from './compose.ts';
import { fill, finestLevel, type Chosen, type Filling } from './fill.ts';
import type { Tempo } from './hearing/grid.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import { chooseRhythm, type RhythmEvent } from './rhythm/rhythm.ts';
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
  /** Most events a second in the calmest stretches, as a factor of the mean. */
  calm?: number;
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
  const { mean, least = 0, peak, fastestMs, share, calm = Infinity } = wanted;
  const { order, stretches } = prepared(score, plan, wanted, random);
  const usual = Math.max(least, chooseRhythm(score, plan, mean).length);
  const chosen: Chosen = new Map(order.slice(0, usual).map((event) => [event.tick.index, event]));
  // In a map of a few notes each is needed.
  if (usual > 2 * least) thinOut(stretches, chosen, mean, calm);
  const filled = new Map<number, Filling>();
  const peaks = peaksOf(stretches, share);
  peaks.forEach((stretch, n) => {
    const [first, last] = slope;
    const factor = first + ((last - first) * n) / peaks.length;
    const rest = stretch.byRank.filter(({ tick }) => !chosen.has(tick.index));
    const left = Math.round(peak * factor * stretch.seconds) - (stretch.events.length - rest.length);
    for (const event of rest.slice(0, Math.max(0, left))) chosen.set(event.tick.index, event);
    const unmet = left - rest.length;
    if (unmet > 0 && plan.level >= finestLevel) fill(stretch.events, unmet, chosen, filled, plan, fastestMs);
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

/** Share of the stretches that are calm, half of them less so. In few steps, so that bars that sound alike stay alike. */
const calmShare = 0.3;

/** Leaves out what ranks last in the calm stretches, down to the factor `calm` of the mean in the calmest. */
function thinOut(stretches: readonly Stretch[], chosen: Chosen, mean: number, calm: number): void {
  const first = Math.round((1 - calmShare) * stretches.length);
  stretches.slice(first).forEach(({ seconds, byRank }, n, { length }) => {
    const factor = n < length / 2 ? (1 + calm) / 2 : calm;
    const most = Math.max(0, Math.round(mean * factor * seconds));
    const inside = byRank.filter(({ tick }) => chosen.has(tick.index));
    for (const { tick } of inside.slice(most)) chosen.delete(tick.index);
  });
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
