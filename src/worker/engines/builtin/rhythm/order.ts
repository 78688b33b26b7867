import { quantised, type Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Style } from '../style.ts';
import { entriesOf } from './entries.ts';
import { attacksOf, barsOf, loudnessOf, type Bar } from './heard.ts';
import { evenOut, likeBars } from './patterns.ts';
import { createTaken, restsOf, rulesOf } from './rules.ts';

/** All that may carry an event, in the order in which growing density takes it. */
export interface Order {
  ticks: readonly Tick[];
  /** Positions in `ticks`; every prefix is a legal rhythm. */
  order: number[];
  /** Length of what can be mapped, without the parts in which nothing is heard. */
  seconds: number;
  weights: Float64Array;
  accents: Float64Array;
}

/** Groups of like bars a bar, by level. Sparse maps have fewer rhythms than groups: distinct bars are 0.25 (Easy) to 0.55 (Expert) of all in ranked maps. */
const variety = [0.5, 0.5, 0.45, 0.5, 0.5, 0.5];
/** The most intense bar has this much more evidence than the calmest, in log odds. */
const intensityWeight = 0.8;
/** A bar must differ by this much from those that sound like it before it gets a rhythm of its own there. */
const ownVoice = 0.5;
/** Below this attack a tick carries nothing that could be mapped. */
const audible = 0.35;
/** How many events a beat later than its curve says an unheard quarter enters that fills a stream; other unheard places come last of all. */
const fillLateness = 1;
const overmapped = 10;
/** A bar this much quieter than the song's middle (natural logarithm, 22 dB) is a pause. */
const pauseDepth = 2.5;
/** Quarters speak for a head more than their late entry says: they are what bursts are made of. */
const quarterDiscount = 0.75;
/** A quarter with an event on one side only enters this much later. */
const oneSided = 1.35;

export function orderEvents(score: Score, plan: Plan): Order {
  const { ticks } = score.grid;
  const { mode, level, style } = plan;
  const bars = barsOf(score);
  const attacks = attacksOf(bars, ticks);
  const context = contextOf(score, bars, style);
  const repetition = 1 - 0.4 * style.repetition - 0.3 * style.simple;
  const own = attacks.map((attack, i) => attack + context[i]!);
  const groups = likeBars(own, bars, score.structure, variety[level]! * repetition);
  const evidence = evenOut(own, groups, ownVoice);
  const mapped = mappedTicks(bars, ticks);
  const rules = rulesOf(mode, level);
  const rests = restsOf(ticks, evidence, rules);
  const entries = leaningTo(style, ticks, entriesOf(ticks, evidence, mode, level));
  const late = ticks.map((_, i) => lateness(ticks, i, style));
  const supported = entries.map((_, i) => supportedEntry(ticks, entries, i) + late[i]!);
  const candidates = [...ticks.keys()].filter((i) => mapped[i] && !rests.has(i) && late[i]! < Infinity);
  candidates.sort((a, b) => quantised(supported[a]!) - quantised(supported[b]!) || a - b);
  return {
    ticks,
    order: legalOrder(candidates, ticks, createTaken(ticks, rules)),
    seconds: secondsOf(ticks, mapped),
    weights: supported.map((entry, i) => 4 - entry * (ticks[i]!.phase === 2 ? quarterDiscount : 1)),
    accents: ranksOf(attacks),
  };
}

/** Takes the candidates one after the other where the rules allow; a quarter waits until it stands beside an event. */
function legalOrder(candidates: readonly number[], ticks: readonly Tick[], taken: ReturnType<typeof createTaken>) {
  const order: number[] = [];
  const waiting = new Set<number>();
  const take = (i: number) => {
    if (!taken.allows(i)) return;
    taken.add(i);
    order.push(i);
    for (const j of [i - 1, i + 1]) {
      if (!waiting.delete(j)) continue;
      take(j);
    }
  };
  for (const i of candidates) {
    const alone = ticks[i]!.phase === 2 && !taken.has(i - 1) && !taken.has(i + 1);
    if (alone) waiting.add(i);
    else take(i);
  }
  return order;
}

/** When a quarter stands between two events, or (later) beside one: runs then begin and end on beats and halves. */
function supportedEntry(ticks: readonly Tick[], entries: Float64Array, i: number): number {
  const own = entries[i]!;
  if (ticks[i]!.phase !== 2) return own;
  const [left, right] = [entries[i - 1] ?? Infinity, entries[i + 1] ?? Infinity];
  return Math.max(own, Math.min(Math.max(left, right), oneSided * Math.max(own, right), 2 * Math.max(own, left)));
}

/** Loudness and intensity as evidence; what the style says about the shape of the whole. */
function contextOf({ grid: { ticks }, structure }: Score, bars: readonly Bar[], style: Style): Float64Array {
  const context = loudnessOf(ticks);
  const peak = structure.sections.reduce((most, section) => Math.max(most, section.intensity), 0);
  const peaks = structure.sections.filter(({ intensity }) => intensity === peak).slice(0, 1);
  bars.forEach((bar, n) => {
    let shape = intensityWeight * (1 + 1.5 * style.contrast) * (structure.intensity[bar.number] ?? 0);
    shape += 1.2 * style.progression * (n / bars.length);
    if (peaks.some(({ firstBar, lastBar }) => firstBar <= bar.number && bar.number <= lastBar)) shape += style.spike;
    bar.ticks.forEach((_, k) => (context[bar.first + k]! += shape));
  });
  return context;
}

/** Quarters earlier (streams, bursts) or later (jumps, simple) than the curves say. */
function leaningTo(style: Style, ticks: readonly Tick[], entries: Float64Array): Float64Array {
  const quarters = 1.4 ** (style.jumps + 1.2 * style.simple - 1.8 * style.streams - 0.8 * style.bursts);
  return entries.map((entry, i) => (ticks[i]!.phase === 2 ? entry * quarters : entry));
}

const heard = (tick: Tick | undefined) => tick !== undefined && tick.strength >= audible;

/** A beat without an attack of its own still counts where the two beats before it and after it have one. */
function steadyBeat(ticks: readonly Tick[], i: number): boolean {
  const { phase, tempo } = ticks[i]!;
  return phase === 0 && [-2, -1, 1, 2].every((beats) => heard(ticks[i + beats * tempo.ticksPerBeat]));
}

/** Unheard places come late, and those with nothing on both sides (a quarter away from a quarter, else half a beat away) never. */
function lateness(ticks: readonly Tick[], i: number, { streams }: Style): number {
  if (heard(ticks[i]) || steadyBeat(ticks, i)) return 0;
  const { phase, tempo } = ticks[i]!;
  const away = phase === 2 ? 1 : Math.floor(tempo.ticksPerBeat / 2);
  if (!heard(ticks[i - away]) || !heard(ticks[i + away])) return Infinity;
  return phase === 2 ? fillLateness * (1 - Math.max(0, streams)) : overmapped;
}

/** From the first strong attack to the last, without the pauses. */
function mappedTicks(bars: readonly Bar[], ticks: readonly Tick[]): boolean[] {
  const loudness = bars.map(
    ({ ticks }) => ticks.reduce((sum, tick) => sum + Math.log(1e-3 + tick.loudness), 0) / ticks.length,
  );
  const middle = [...loudness].sort((a, b) => a - b)[Math.floor(bars.length / 2)] ?? 0;
  const mapped = ticks.map(() => false);
  bars.forEach((bar, n) => {
    const heard = loudness[n]! > middle - pauseDepth && bar.ticks.some(({ strength }) => strength >= audible);
    bar.ticks.forEach((_, k) => (mapped[bar.first + k] = heard));
  });
  const strong = (i: number) => mapped[i] && ticks[i]!.strength >= 2 * audible;
  for (let i = 0; i < ticks.length && !strong(i); i += 1) mapped[i] = false;
  for (let i = ticks.length - 1; i >= 0 && !strong(i); i -= 1) mapped[i] = false;
  return mapped;
}

function secondsOf(ticks: readonly Tick[], mapped: readonly boolean[]): number {
  return ticks.reduce((sum, { tempo }, i) => (mapped[i] ? sum + tempo.beatMs / tempo.ticksPerBeat / 1000 : sum), 0);
}

/** Rank of each value among all, 0 to 1. */
function ranksOf(values: Float64Array): Float64Array {
  const sorted = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const ranks = new Float64Array(values.length);
  sorted.forEach((i, rank) => (ranks[i] = rank / Math.max(1, values.length - 1)));
  return ranks;
}
