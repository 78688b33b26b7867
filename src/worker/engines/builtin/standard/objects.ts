import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';
import type { Manner } from './manner.ts';
import { pxPerBeat } from './speed.ts';

/** A hit object before it has a place: when, how long, and what is heard at its edges. */
export interface TimedObject {
  kind: 'circle' | 'slider' | 'spinner';
  start: Tick;
  /** Of a circle: its start. */
  end: Tick;
  /** Head, reverses and end of a slider; of others the start alone. */
  edges: readonly Tick[];
  newCombo: boolean;
}

/** A slider that could be: from event `i` on, with its edges on the events up to `last`, or on a tick that has none. */
interface Candidate {
  i: number;
  /** Of one span, as in the table of lengths. */
  length: number;
  last: number;
  head: Tick;
  end: Tick;
  slides: number;
  liking: number;
}

/** Lengths of a span in beats and their shares among the sliders of 88 ranked maps, by level. */
const lengths: readonly (readonly (readonly [beats: number, share: number])[])[] = [
  [
    [1, 0.36],
    [1.5, 0.1],
    [2, 0.44],
    [3, 0.1],
  ],
  [
    [0.5, 0.15],
    [1, 0.4],
    [1.5, 0.2],
    [2, 0.25],
  ],
  [
    [0.25, 0.03],
    [0.5, 0.5],
    [1, 0.38],
    [1.5, 0.05],
    [2, 0.04],
  ],
  [
    [0.25, 0.05],
    [0.5, 0.64],
    [0.75, 0.1],
    [1, 0.19],
    [1.5, 0.02],
  ],
  [
    [0.25, 0.08],
    [0.5, 0.57],
    [0.75, 0.1],
    [1, 0.23],
    [1.5, 0.02],
  ],
  [
    [0.25, 0.14],
    [0.5, 0.54],
    [0.75, 0.1],
    [1, 0.2],
    [1.5, 0.02],
  ],
];
/** Beats of rest that a slider's end needs before the next head. */
const restAfterSlider = [1, 0.5, 0.25, 0.25, 0.25, 0.25];
/** A span that is shorter cannot be read by beginners: ms. */
const shortestSpanMs = [200, 170, 60, 40, 40, 40];
/** A longer slider has no place everywhere on the playfield, a shorter one is no slider to look at. */
const longestPx = 380;
const shortestPx = 12;
/** What a slider over a weak event loses in liking; what one that turns back gains, up to its share. */
const passBy = [0.1, 0.2, 0.5, 0.6, 0.6, 0.6];
const turnBack = [0.8, 0.6, 0.2, 0.1, 0.1, 0.1];
/** How near a length must be to one of the table, in beats: thirds count as the quarter or half beside them. */
const nearLength = 0.17;
/** A length may be used so much oftener than in the table before any other is preferred. */
const quotaSlack = 1.15;

/**
 * Events → circles and sliders. The best places for a slider are heads on a beat that sounds on, whose following events are weaker,
 * so that reverses and the end take them; none reaches to where one of `spinners` starts; as many as the manner's shares of the objects. Decided from the best on, so that one more event changes little.
 */
export function formObjects(
  events: readonly RhythmEvent[],
  spinners: readonly Tick[],
  { grid }: Score,
  plan: Plan,
  manner: Manner,
  speeds: readonly number[],
  random: Random,
): TimedObject[] {
  const candidates: Candidate[] = [];
  events.forEach((_, i) => {
    for (const candidate of candidatesAt(events, i, grid.ticks, plan, speeds)) {
      if (spinners.some(({ index }) => index > candidate.head.index && index <= candidate.end.index + 1)) continue;
      const liking = candidate.liking + 0.25 * random('slider', candidate.end.index, candidate.slides);
      candidates.push({ ...candidate, liking: Math.round(liking * 1e6) / 1e6 });
    }
  });
  candidates.sort((a, b) => b.liking - a.liking || a.i - b.i || a.last - b.last);
  const chosen = chooseSliders(candidates, events.length, plan, manner);
  if (plan.level <= 1 && manner.sliderShare < 1) breakRuns(chosen, events.length);
  const objects: TimedObject[] = [];
  for (let i = 0; i < events.length; i += 1) {
    const start = events[i]!.tick;
    const slider = chosen.get(i);
    if (!slider) objects.push({ kind: 'circle', start, end: start, edges: [start], newCombo: false });
    else {
      const inner = events.slice(i + 1, i + slider.slides).map(({ tick }) => tick);
      const { end } = slider;
      objects.push({ kind: 'slider', start, end, edges: [start, ...inner, end], newCombo: false });
      i = slider.last;
    }
  }
  return objects;
}

/**
 * From the most liked on, as long as their length has not had its share; what is then missing, whatever its length. Kicks (of a
 * quarter beat) and reverses stay within their shares.
 */
function chooseSliders(candidates: readonly Candidate[], count: number, plan: Plan, manner: Manner) {
  const chosen = new Map<number, Candidate>();
  const taken = new Set<number>();
  const used = new Map<number, number>();
  const shares = new Map(lengths[plan.level]!.map(([beats]) => [beats, shareOf(beats, plan, manner)]));
  const only = manner.sliderShare === 1;
  let objects = count;
  let reversed = 0;
  const take = (candidate: Candidate, strict: boolean) => {
    const { i, last, slides, length } = candidate;
    const wanted = manner.sliderShare * objects;
    if (chosen.size >= wanted) return;
    const full = (used.get(length) ?? 0) + 1 > quotaSlack * shares.get(length)! * wanted;
    if (full && (strict || (length < 0.4 && !only))) return;
    if (slides > 1 && reversed + 1 > manner.reverseShare * wanted) return;
    for (let k = i; k <= last; k += 1) if (taken.has(k)) return;
    for (let k = i; k <= last; k += 1) taken.add(k);
    chosen.set(i, candidate);
    used.set(length, (used.get(length) ?? 0) + 1);
    objects -= last - i;
    if (slides > 1) reversed += 1;
  };
  for (const candidate of candidates) take(candidate, true);
  for (const candidate of candidates) take(candidate, false);
  return chosen;
}

/** Beginners need circles between sliders: of seven in a row the least liked of the last four becomes circles. */
function breakRuns(chosen: Map<number, Candidate>, count: number): void {
  let run: Candidate[] = [];
  for (let i = 0; i < count; i += 1) {
    const slider = chosen.get(i);
    run = slider ? [...run, slider] : [];
    if (slider) i = slider.last;
    if (run.length < 7) continue;
    const least = run.slice(3).reduce((a, b) => (b.liking < a.liking ? b : a));
    chosen.delete(least.i);
    run = run.slice(run.indexOf(least) + 1);
  }
}

/** Long sliders and kicks may be liked more than usual. */
function shareOf(length: number, { level }: Plan, manner: Manner): number {
  const share = lengths[level]!.find(([beats]) => beats === length)![1];
  return share * 2 ** (length < 0.4 ? manner.kickSliders : manner.longSliders * (length - 0.75));
}

function candidatesAt(
  events: readonly RhythmEvent[],
  i: number,
  ticks: readonly Tick[],
  plan: Plan,
  speeds: readonly number[],
): Candidate[] {
  const { tick: head, weight } = events[i]!;
  const onPlace = head.phase === 0 ? 0.5 : head.phase === 1 ? 0 : -0.6;
  const found: Candidate[] = [];
  const add = (last: number, end: Tick, slides: number, extra: number) => {
    const next = events[last + 1]?.tick;
    if (!fits(head, end, slides, next, plan, speeds[head.bar] ?? 1)) return;
    const length = tableLength(beatsBetween(head, end) / slides, plan.level);
    if (length !== null) found.push({ i, length, last, head, end, slides, liking: onPlace + extra });
  };
  // What matters most is that the end is worth little as a head: so the heads of human charts are met best.
  const weaker = (k: number) => 0.5 * weight - events[k]!.weight;
  if (events[i + 1]) add(i + 1, events[i + 1]!.tick, 1, weaker(i + 1));
  for (let slides = 2; slides <= (plan.level <= 1 ? 2 : 3) && events[i + slides]; slides += 1) {
    const step = events[i + 1]!.tick.index - head.index;
    const even = events[i + slides]!.tick.index - head.index === slides * step;
    const same = events[i + slides - 1]!.tick.index - head.index === (slides - 1) * step;
    if (even && same)
      add(
        i + slides,
        events[i + slides]!.tick,
        slides,
        turnBack[plan.level]! + Math.min(weaker(i + 1), weaker(i + slides)),
      );
  }
  // Weak events between are passed by, where long sliders are wanted.
  let strongest = -Infinity;
  for (let k = 2; k <= 4 && events[i + k]; k += 1) {
    strongest = Math.max(strongest, events[i + k - 1]!.weight);
    if (strongest > Math.min(weight, events[i + k]!.weight) + 0.1) continue;
    add(i + k, events[i + k]!.tick, 1, 0.5 * (weight - strongest) - (k - 1) * passBy[plan.level]!);
  }
  // A sound that goes on, without an event at its end.
  const next = events[i + 1]?.tick;
  const { ticksPerBeat } = head.tempo;
  for (const [beats] of lengths[plan.level]!) {
    const end = tickAt(ticks, head.index + Math.round(beats * ticksPerBeat));
    if (!end || end.phase === 2 || (next && end.index >= next.index)) continue;
    const sounding = Math.min(1, head.sustain / beats);
    add(i, end, 1, 0.6 * sounding - (plan.level <= 1 ? 0.5 : 0.9));
  }
  return found;
}

/** The tick with an index, or none where it was left out; ticks are in order. */
function tickAt(ticks: readonly Tick[], index: number): Tick | undefined {
  let [low, high] = [0, ticks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ticks[middle]!.index < index) low = middle + 1;
    else high = middle;
  }
  return ticks[low]?.index === index ? ticks[low] : undefined;
}

function fits(head: Tick, end: Tick, slides: number, next: Tick | undefined, plan: Plan, speed: number): boolean {
  const { tempo } = head;
  if (end.tempo !== tempo) return false;
  const rest = restAfterSlider[plan.level]! * tempo.ticksPerBeat;
  if (next && next.index - end.index < Math.max(1, Math.floor(rest))) return false;
  const spanMs = (end.time - head.time) / slides;
  if (spanMs < shortestSpanMs[plan.level]!) return false;
  // Beginners cannot read a reverse within a beat, nor one that comes within a third of a second.
  if (slides > 1 && plan.level <= 1 && (spanMs < 340 || beatsBetween(head, end) < 2)) return false;
  const px = (beatsBetween(head, end) / slides) * pxPerBeat(plan, tempo) * speed;
  return px <= longestPx && px >= shortestPx;
}

/** The nearest length of the level's table, or null where none is near. */
function tableLength(beats: number, level: number): number | null {
  let nearest: number | null = null;
  for (const [length] of lengths[level]!) {
    const away = Math.abs(length - beats);
    if (away <= nearLength && (nearest === null || away < Math.abs(nearest - beats))) nearest = length;
  }
  return nearest;
}

/** Beats of the grid between two ticks of one tempo. */
export const beatsBetween = (from: Tick, to: Tick): number => (to.index - from.index) / from.tempo.ticksPerBeat;

/** Spans of a slider; 1 without a reverse. */
export const slidesOf = ({ edges }: TimedObject): number => Math.max(1, edges.length - 1);
