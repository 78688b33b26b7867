import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import { orderEvents, type Order } from './order.ts';

/** A tick that something happens on: a head or, where there are sliders, a slider's tail. */
export interface RhythmEvent {
  tick: Tick;
  /**
   * How sparse a rhythm still has this event (4 less the events a beat from which on it is there): how much speaks for a head. What a slider
   * should end on is what has least of it. Quarters have a little more, for they are what bursts are made of.
   */
  weight: number;
  /** Rank of what is heard here among the ticks of the song, 0 to 1. */
  accent: number;
  /** Position in the order in which growing density takes the events: of any density's events, those before one are a legal rhythm too. */
  rank: number;
  /** The run of events on neighbouring ticks that it belongs to. */
  run: Run;
}

/** Events a tick apart, without a gap. */
export interface Run {
  /** Position of its first event among all events. */
  first: number;
  /** 1 for an event that stands alone. */
  length: number;
}

const orders = new WeakMap<Score, Map<string, Order>>();

/**
 * Which ticks carry an event, in order of time: about `eventsPerSecond` in a second of the mapped part of the song. What does not
 * depend on the density is worked out once a score and plan; a denser rhythm has all the events of a sparser one, and the rules of the
 * plan's level and mode hold at any density.
 */
export function chooseRhythm(score: Score, plan: Plan, eventsPerSecond: number): RhythmEvent[] {
  const { order, seconds, weights, accents, ticks } = orderOf(score, plan);
  const chosen = order
    .slice(0, Math.max(0, Math.round(eventsPerSecond * seconds)))
    .map((i, rank) => ({ i, rank }))
    .sort((a, b) => a.i - b.i);
  let run: Run = { first: 0, length: 0 };
  return chosen.map(({ i, rank }, n) => {
    const tick = ticks[i]!;
    const before = ticks[chosen[n - 1]?.i ?? -1];
    if (before?.index !== tick.index - 1) run = { first: n, length: 0 };
    run.length += 1;
    return { tick, weight: weights[i]!, accent: accents[i]!, rank, run };
  });
}

function orderOf(score: Score, plan: Plan): Order {
  const known = orders.get(score) ?? new Map<string, Order>();
  orders.set(score, known);
  const key = JSON.stringify([plan.mode, plan.level, plan.style]);
  const order = known.get(key) ?? orderEvents(score, plan);
  known.set(key, order);
  return order;
}
