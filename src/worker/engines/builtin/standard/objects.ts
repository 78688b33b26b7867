import type { Tick } from '../grid.ts';
import type { RhythmEvent } from '../rhythm.ts';
import { pxPerBeat, type StandardPlan } from './standard.ts';

/** A hit object before it has a place: when, how long, and what is heard at its edges. */
export interface TimedObject {
  start: Tick;
  /** The end of a slider. */
  end?: Tick;
  newCombo: boolean;
}

/** Lengths that a slider may have, in quarter beats, and how much each is liked, by level. */
const lengths: readonly (readonly [ticks: number, liking: number])[][] = [
  [
    [4, 1],
    [8, 0.6],
  ],
  [
    [4, 1],
    [2, 0.5],
    [6, 0.2],
  ],
  [
    [2, 0.8],
    [4, 0.8],
    [6, 0.1],
  ],
  [
    [2, 1],
    [4, 0.5],
  ],
  [
    [2, 1],
    [4, 0.4],
    [1, 0.1],
  ],
  [
    [2, 1],
    [4, 0.4],
    [1, 0.1],
  ],
];
/** Quarter beats of rest that a slider's end needs before the next head. */
const restAfterSlider = [4, 2, 1, 1, 1, 1];
/** A longer slider has no straight place everywhere on the playfield. */
const longestPx = 380;
const longestCombo = [8, 8, 10, 12, 12, 12];
const barsPerCombo = [2, 2, 1, 1, 1, 1];
/** A pause of this many quarter beats starts a new combo. */
const pause = 8;

/**
 * Events → circles and sliders: the best places for a slider are heads on a beat whose following event is weaker, so that the
 * slider's end takes it; as many as the plan's share of objects.
 */
export function formObjects(events: RhythmEvent[], plan: StandardPlan): TimedObject[] {
  const candidates = events.flatMap((event, i) => {
    const liking = sliderLiking(event, events[i + 1], events[i + 2], plan);
    return liking === null ? [] : [{ i, liking }];
  });
  candidates.sort((a, b) => b.liking - a.liking || a.i - b.i);
  const heads = new Set<number>();
  const tails = new Set<number>();
  for (const { i } of candidates) {
    const objects = events.length - tails.size;
    if (heads.size >= plan.sliderShare * (objects - 1)) break;
    if (tails.has(i) || heads.has(i) || tails.has(i + 1) || heads.has(i + 1)) continue;
    heads.add(i);
    tails.add(i + 1);
  }
  const objects: TimedObject[] = [];
  events.forEach((event, i) => {
    if (tails.has(i)) return;
    const end = heads.has(i) ? events[i + 1]?.tick : undefined;
    objects.push({ start: event.tick, ...(end ? { end } : {}), newCombo: false });
  });
  markCombos(objects, plan.level);
  return objects;
}

function sliderLiking(
  head: RhythmEvent,
  tail: RhythmEvent | undefined,
  next: RhythmEvent | undefined,
  plan: StandardPlan,
) {
  if (!tail) return null;
  const { level } = plan;
  const { tempo } = head.tick;
  if (tail.tick.tempo !== tempo) return null;
  const ticks = tail.tick.index - head.tick.index;
  const liked = lengths[level]!.find(([allowed]) => allowed === ticks)?.[1];
  if (liked === undefined || head.tick.phase === 2) return null;
  if ((ticks / tempo.ticksPerBeat) * pxPerBeat(plan, tempo) > longestPx) return null;
  if (next && next.tick.index - tail.tick.index < restAfterSlider[level]!) return null;
  const onBeat = head.tick.phase === 0 ? 0.5 : 0;
  return Math.round((liked + onBeat + 0.5 * (head.weight - tail.weight)) * 1e6) / 1e6;
}

function markCombos(objects: TimedObject[], level: number) {
  let comboBar = -Infinity;
  let count = 0;
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    const gap = before ? object.start.index - (before.end ?? before.start).index : Infinity;
    const turn = object.start.bar - comboBar >= barsPerCombo[level]!;
    if (gap >= pause || turn || count >= longestCombo[level]!) {
      object.newCombo = true;
      comboBar = object.start.bar;
      count = 0;
    }
    count += 1;
  });
}

/** Length of a slider in beats of the grid. */
export const beatsOf = (object: TimedObject): number =>
  object.end ? (object.end.index - object.start.index) / object.start.tempo.ticksPerBeat : 0;
