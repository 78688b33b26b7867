import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import { pxPerBeat, type Plan } from '../plan.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';
import { dropletTimes, partCount } from './juice.ts';
import { planShowers, type Shower } from './showers.ts';

/** A hit object before it has a place. */
export interface TimedObject {
  kind: 'fruit' | 'stream' | 'shower';
  /** Head, reverses and tail; of a shower start and end; of a fruit itself. */
  edges: [Tick, ...Tick[]];
  /** Catch objects in it: 1 for a fruit, 0 for a shower. */
  parts: number;
  newCombo: boolean;
  /** Of its head, 0 to 1. */
  accent: number;
}

/** Share of hit objects that are sliders, by level, over 19 ranked maps: 63, 54, 45 and about 40 %. */
const sliderShares = [0.63, 0.63, 0.54, 0.45, 0.4, 0.4];
/** About an eighth of the sliders of human maps turn back. */
const reverseShare = 0.13;
/** How much a slider of so many beats is liked, by level: the commonest lengths of the same maps. */
const lengths: readonly Record<string, number>[] = [
  { 1: 1, 1.5: 0.7, 0.5: 0.6, 2: 0.5 },
  { 0.5: 0.9, 1: 0.9, 1.5: 0.4, 2: 0.2 },
  { 0.5: 1, 1: 0.6, 0.25: 0.2, 0.75: 0.2, 1.5: 0.2 },
  { 0.5: 0.9, 1: 0.7, 0.25: 0.6, 0.75: 0.4 },
  { 0.5: 0.9, 1: 0.7, 0.25: 0.75, 0.75: 0.5 },
  { 0.5: 0.9, 1: 0.7, 0.25: 0.75, 0.75: 0.5 },
];
/** What a slider of so many thirds of a beat is liked as: the swung eighth is two of them. */
const triplets: Readonly<Record<number, number>> = { 1: 0.25, 2: 0.5, 4: 1.5 };
const longestPx = 1100;
const shortestSpanMs = 70;
/** Most catch objects of a combo: the ranking criteria's guideline by level. */
const comboLimits = [8, 10, 12, 16, 16, 16];
/** Objects in half a bar from which on the other half is a combo of its own. */
const crowded = 4;
/** Most objects of a combo, and from how many on one ends at the next beat: ranked maps have up to seven in nine of ten combos. */
const longestCombo = 10;
const longCombo = 7;
/** Beats without an object after which a new combo starts. */
const pause = 2;

/** Events → fruits, juice streams and showers of bananas in order of time. */
export function formObjects(events: RhythmEvent[], score: Score, plan: Plan, spacing: number): TimedObject[] {
  const showers = planShowers(events, score, plan);
  const free = events.filter(({ tick }) => !showers.some(({ from, until }) => tick.time > from && tick.time < until));
  const objects: TimedObject[] = [
    ...joinStreams(free, showers, plan, spacing),
    ...showers.map(({ start, end }): TimedObject => ({
      kind: 'shower',
      edges: [start, end],
      parts: 0,
      newCombo: true,
      accent: 0,
    })),
  ];
  objects.sort((a, b) => a.edges[0].time - b.edges[0].time);
  markCombos(objects, plan.level);
  return objects;
}

interface Candidate {
  first: number;
  slides: number;
  liking: number;
}

/** The best-liked sliders up to the level's share; each takes its events out of the fruits. */
function joinStreams(events: RhythmEvent[], showers: readonly Shower[], plan: Plan, spacing: number): TimedObject[] {
  const share = sliderShareOf(plan, spacing);
  const across = (i: number, j: number) =>
    showers.some(({ start }) => start.time > events[i]!.tick.time && start.time < events[j]!.tick.time);
  const candidatesOf = (slides: number): Candidate[] =>
    events
      .flatMap((_, first) => {
        const liking = sliderLiking(events, first, slides, plan);
        return liking === null || across(first, first + slides) ? [] : [{ first, slides, liking }];
      })
      .sort((a, b) => (share < 1 ? b.liking - a.liking : 0) || a.first - b.first);

  const taken = new Map<number, Candidate | null>();
  let [sliders, objects] = [0, events.length];
  const take = (candidates: Candidate[], most: () => number) => {
    for (const candidate of candidates) {
      if (sliders >= most()) break;
      const { first, slides } = candidate;
      if (Array.from({ length: slides + 1 }, (_, k) => first + k).some((i) => taken.has(i))) continue;
      for (let k = 0; k <= slides; k += 1) taken.set(first + k, k === 0 ? candidate : null);
      sliders += 1;
      objects -= slides;
    }
  };
  take(candidatesOf(2), () => reverseShare * share * objects);
  take(candidatesOf(1), () => share * objects);

  return events.flatMap(({ tick, accent }, i): TimedObject[] => {
    const stream = taken.get(i);
    if (stream) return [streamOf(events.slice(i, i + stream.slides + 1), plan)];
    // Where a map is all sliders, what finds no partner is left out.
    if (stream === null || share === 1) return [];
    return [{ kind: 'fruit', edges: [tick], parts: 1, newCombo: false, accent }];
  });
}

/** Wide movements come with fewer sliders: a juice stream is slower than the way to the next fruit may be. */
function sliderShareOf({ level, style }: Plan, spacing: number): number {
  if (style.onlyCircles > 0) return 0;
  if (style.onlySliders > 0) return 1;
  const biased = 1 + 0.35 * style.sliders - 0.25 * style.jumps + 0.15 * (style.onlySliders - style.onlyCircles);
  const wide = Math.max(0.6, Math.min(1, 1 - 0.6 * (spacing - 1.1)));
  return Math.min(0.9, sliderShares[level]! * biased * wide);
}

function streamOf(events: readonly RhythmEvent[], plan: Plan): TimedObject {
  const edges = events.map(({ tick }) => tick);
  const [head, next] = [edges[0]!, edges[1]!];
  const droplets = dropletTimes(spanMs(head, next), head.tempo, plan).length;
  const parts = partCount(droplets, edges.length - 1);
  return { kind: 'stream', edges: edges as [Tick, ...Tick[]], parts, newCombo: false, accent: events[0]!.accent };
}

/** Exact time from one tick to another of the same tempo. */
export const spanMs = (from: Tick, to: Tick): number =>
  ((to.index - from.index) * from.tempo.beatMs) / from.tempo.ticksPerBeat;

/** How well a slider over the event and the `slides` after it would sound, or null where there can be none. */
function sliderLiking(events: RhythmEvent[], first: number, slides: number, plan: Plan): number | null {
  const edges = events.slice(first, first + slides + 1);
  const [head, next, last] = [edges[0]!, edges[1], edges[slides]];
  if (!next || !last) return null;
  const { tempo, index } = head.tick;
  const span = next.tick.index - index;
  const even = edges.every(({ tick }, k) => tick.tempo === tempo && tick.index === index + k * span);
  const beats = span / tempo.ticksPerBeat;
  const named = tempo.ticksPerBeat === 3 ? (triplets[span] ?? beats) : beats;
  const liked = lengths[plan.level]![String(named)] ?? (plan.style.onlySliders > 0 ? 0.1 : undefined);
  if (!even || liked === undefined || beats * slides > 4) return null;
  if (beats * pxPerBeat(plan, tempo) > longestPx || spanMs(head.tick, next.tick) < shortestSpanMs) return null;
  if (streamOf(edges, plan).parts > comboLimits[plan.level]!) return null;
  const onBeat = head.tick.phase === 0 ? 0.1 : head.tick.phase === 2 ? -0.4 : 0;
  const weaker = head.weight - Math.max(...edges.slice(1).map(({ weight }) => weight));
  return Math.round((liked + onBeat + 0.4 * weaker) * 1e6) / 1e6;
}

/**
 * A new combo each bar, in the middle of a bar full of objects, after pauses and showers, on a beat after many objects, and before one
 * would hold more than the level's number of catch objects.
 */
function markCombos(objects: TimedObject[], level: number) {
  let bar = -Infinity;
  let [count, parts] = [0, 0];
  objects.forEach((object, i) => {
    const [start] = object.edges;
    const before = objects[i - 1];
    const gap = before ? start.time - before.edges.at(-1)!.time : Infinity;
    const halfway = start.place * 2 === start.tempo.meter * start.tempo.ticksPerBeat && count >= crowded;
    const long = count >= longestCombo || (count >= longCombo && start.phase === 0);
    const full = long || parts + object.parts > comboLimits[level]!;
    const fresh = before?.kind === 'shower' || gap >= pause * start.tempo.beatMs;
    if (object.kind !== 'shower') object.newCombo = start.bar !== bar || halfway || full || fresh;
    if (object.newCombo) {
      bar = start.bar;
      [count, parts] = [0, 0];
    }
    count += 1;
    parts += object.parts;
  });
}
