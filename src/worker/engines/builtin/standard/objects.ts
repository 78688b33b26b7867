import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import { pxPerBeat, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';
import type { Manner } from './manner.ts';

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

/** A slider that could be, from head `i` on. */
interface Candidate {
  i: number;
  /** The head that it ends on, if it does, which then is none. */
  taken?: RhythmEvent;
  /** Whether that head was the first of a burst of quarters, of which a pair would be left. */
  breaks?: boolean;
  /** Of one span, as in the table of lengths. */
  length: number;
  edges: readonly Tick[];
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
    [0.5, 0.52],
    [1, 0.39],
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
/** What an edge on an event that is no head adds to the liking of a slider, and what one takes from it that is passed by. */
const onEvent = 0.5;
const passedBy = 0.3;
/** What a reverse adds or takes, by level. */
const turnBack = [0.5, 0.3, 0, -0.1, -0.1, -0.1];
/** How near a length must be to one of the table, in beats: thirds count as the quarter or half beside them. */
const nearLength = 0.17;
/** A length may be used so much oftener than in the table before any other is preferred. */
const quotaSlack = 1.15;
/** Bursts are broken only where there are fewer sliders than this share of the usual. */
const fewSliders = 0.85;

/**
 * Heads → circles and sliders. A slider's reverses and its end lie before the next head: best where `events` (heads and others) has one that
 * is no head, or where a sound goes on; none reaches to where one of `spinners` starts. As many as the manner's share of the objects; where
 * the gaps have no room for them, the heads off the beat with the weakest claim become ends. Decided from the best on, so that one more head
 * changes little.
 */
export function formObjects(
  heads: readonly RhythmEvent[],
  events: readonly RhythmEvent[],
  spinners: readonly Tick[],
  { grid }: Score,
  plan: Plan,
  manner: Manner,
  speeds: readonly number[],
  random: Random,
): TimedObject[] {
  const eventful = new Set(events.map(({ tick }) => tick.index));
  const stops = [...heads.map(({ tick }) => tick), ...spinners].sort((a, b) => a.index - b.index);
  const candidates: Candidate[] = [];
  let stop = 0;
  heads.forEach(({ tick: head }, i) => {
    while (stop < stops.length && stops[stop]!.index <= head.index) stop += 1;
    const next = heads[i + 1];
    const found = candidatesAt(head, stops[stop], i, grid.ticks, eventful, plan, speeds);
    if (next && stops[stop] === next.tick && next.tick.phase > 0) {
      const breaks = !isNeighbour(head, next.tick) && isNeighbour(next.tick, stops[stop + 1]);
      const over = candidatesAt(head, stops[stop + 1], i, grid.ticks, eventful, plan, speeds);
      found.push(
        ...over
          .filter(({ edges }) => edges[1] === next.tick && edges.length === 2)
          .map((one) => ({ ...one, taken: next, breaks })),
      );
    }
    for (const candidate of found) {
      const { edges } = candidate;
      const liking = candidate.liking + 0.25 * random('slider', edges.at(-1)!.index, edges.length - 1);
      candidates.push({ ...candidate, liking: Math.round(liking * 1e6) / 1e6 });
    }
  });
  candidates.sort((a, b) => b.liking - a.liking || a.i - b.i || a.edges.length - b.edges.length || a.length - b.length);
  const chosen = chooseSliders(candidates, heads.length, plan, manner);
  if (plan.level <= 1 && manner.sliderShare < 1) breakRuns(chosen, heads.length);
  return heads.flatMap(({ tick: start }, i): TimedObject[] => {
    if (chosen.get(i - 1)?.taken) return [];
    const slider = chosen.get(i);
    if (!slider) return [{ kind: 'circle', start, end: start, edges: [start], newCombo: false }];
    return [{ kind: 'slider', start, end: slider.edges.at(-1)!, edges: slider.edges, newCombo: false }];
  });
}

/**
 * From the most liked on, those with reverses first, as long as their length has not had its share; what is then missing, whatever its length; and what is missing
 * still, by ends on the heads that have the weakest claim. Kicks (of a quarter beat) and reverses stay within their shares.
 */
function chooseSliders(candidates: readonly Candidate[], count: number, plan: Plan, manner: Manner) {
  const chosen = new Map<number, Candidate>();
  const used = new Map<number, number>();
  const shares = new Map(lengths[plan.level]!.map(([beats]) => [beats, shareOf(beats, plan, manner)]));
  let objects = count;
  let reversed = 0;
  const take = (candidate: Candidate, strict: boolean) => {
    const { i, edges, length, taken } = candidate;
    const wanted = manner.sliderShare * objects;
    if (chosen.size >= wanted || chosen.has(i) || chosen.get(i - 1)?.taken) return;
    if (taken && chosen.has(i + 1)) return;
    const full = (used.get(length) ?? 0) + 1 > quotaSlack * shares.get(length)! * wanted;
    if (full && (strict || (length < 0.4 && manner.sliderShare < 1))) return;
    const turns = edges.length > 2;
    if (turns && reversed + 1 > manner.reverseShare * wanted) return;
    chosen.set(i, candidate);
    used.set(length, (used.get(length) ?? 0) + 1);
    if (turns) reversed += 1;
    if (taken) objects -= 1;
  };
  const free = candidates.filter(({ taken }) => !taken);
  const taking = candidates
    .filter(({ taken }) => taken)
    .sort((a, b) => b.taken!.rank - a.taken!.rank || a.length - b.length);
  for (const candidate of free) if (candidate.edges.length > 2) take(candidate, true);
  for (const candidate of free) take(candidate, true);
  for (const candidate of free) take(candidate, false);
  for (const candidate of taking) if (!candidate.breaks) take(candidate, false);
  for (const candidate of taking) if (chosen.size < fewSliders * manner.sliderShare * objects) take(candidate, false);
  return chosen;
}

/** Beginners need circles between sliders: of seven in a row the least liked of the last four becomes circles. */
function breakRuns(chosen: Map<number, Candidate>, count: number): void {
  let run: Candidate[] = [];
  for (let i = 0; i < count; i += 1) {
    const slider = chosen.get(i);
    run = slider ? [...run, slider] : [];
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

/** Sliders from a head to before `next`, the next head or spinner. */
function candidatesAt(
  head: Tick,
  next: Tick | undefined,
  i: number,
  ticks: readonly Tick[],
  eventful: ReadonlySet<number>,
  plan: Plan,
  speeds: readonly number[],
): Candidate[] {
  const onPlace = head.phase === 0 ? 0.5 : head.phase === 1 ? 0 : -0.6;
  const found: Candidate[] = [];
  for (const [length] of lengths[plan.level]!) {
    const step = Math.round(length * head.tempo.ticksPerBeat);
    if (Math.abs(step / head.tempo.ticksPerBeat - length) > nearLength) continue;
    for (let slides = 1; slides <= (plan.level <= 1 ? 2 : 3); slides += 1) {
      const end = tickAt(ticks, head.index + slides * step);
      if (!end || !fits(head, end, slides, next, plan, speeds[head.bar] ?? 1)) continue;
      const edges = Array.from({ length: slides + 1 }, (_, k) => tickAt(ticks, head.index + k * step));
      if (!edges.every((tick) => tick !== undefined)) continue;
      const hits = edges.slice(1).filter(({ index }) => eventful.has(index)).length;
      let passed = -hits;
      for (let index = head.index + 1; index <= end.index; index += 1) if (eventful.has(index)) passed += 1;
      const sounding = Math.min(1, head.sustain / (length * slides));
      const turned = slides > 1 ? turnBack[plan.level]! : 0;
      const liking = onPlace + (onEvent * hits) / slides - passedBy * passed + 0.3 * sounding + turned;
      found.push({ i, length, edges, liking });
    }
  }
  return found;
}

const isNeighbour = (tick: Tick, later: Tick | undefined) => later !== undefined && later.index - tick.index <= 1;

/** The tick with an index, or none where it was left out; ticks are in order. */
function tickAt(ticks: readonly Tick[], index: number): Tick | undefined {
  const usual = ticks[index - ticks[0]!.index];
  if (usual?.index === index) return usual;
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
  if (slides > 1 && plan.level <= 1 && (spanMs < 340 || gridBeats(head, end) < 2)) return false;
  const px = (gridBeats(head, end) / slides) * pxPerBeat(plan, tempo) * speed;
  return px <= longestPx && px >= shortestPx;
}

/** Beats of the grid between two ticks of one tempo. */
export const gridBeats = (from: Tick, to: Tick): number => (to.index - from.index) / from.tempo.ticksPerBeat;

/** Spans of a slider; 1 without a reverse. */
export const slidesOf = ({ edges }: TimedObject): number => Math.max(1, edges.length - 1);
