import { ticksPerBar, ticksPerBeat, type Grid, type Structure, type Tick } from './grid.ts';
import type { Plan } from './plan.ts';

/** A tick that something happens on: a head or a slider's tail. */
export interface RhythmEvent {
  tick: Tick;
  bar: number;
  weight: number;
}

/** How much a place in the beat speaks for an event (beat, half, quarter), by level. Minus infinity: not allowed. */
const phaseWeights: readonly (readonly [number, number, number])[] = [
  [1.6, -Infinity, -Infinity],
  [1.6, 0.2, -Infinity],
  [1.4, 0.7, -0.4],
  [1.3, 0.8, -0.2],
  [1.2, 0.8, -0.1],
];
/** Share of the events that may be on quarters at the plan's density; human maps have 1, 13 and 17 %. */
const quarterShares = [0, 0, 0.04, 0.15, 0.2];
/** Longest run of quarter-beat events. */
const longestRun = [1, 1, 3, 7, 13];
/** Below this strength an off-beat tick carries nothing that could be mapped. */
const audible = 0.35;
const repeatDistances = [1, 2, 4, 8];
const repeatWeight = 0.5;

/**
 * Which ticks carry an event. Each bar gets as many as its share of the density (the plan's, × the bar's intensity ×
 * `density`) and takes its best ones: attack strength, place in the beat, and how strong the same place is in the bars 1,
 * 2, 4 and 8 away, so that bars that sound alike are mapped alike.
 */
export function chooseRhythm(grid: Grid, structure: Structure, plan: Plan, density: number): RhythmEvent[] {
  const bars = byBar(grid, structure);
  const barSeconds = (4 * grid.beatMs) / 1000;
  const events: RhythmEvent[] = [];
  let owed = 0;
  let quarters = 0;
  bars.forEach((bar, number) => {
    if (bar.length === 0) return;
    const loudest = Math.max(...bar.map((tick) => tick.strength));
    const share = bar.length / ticksPerBar;
    owed += plan.eventsPerSecond * density * barSeconds * share * factor(structure.intensity[number] ?? 0);
    if (loudest < audible) {
      owed = Math.min(owed, 1);
      return;
    }
    const wanted = Math.floor(owed);
    quarters = Math.min(quarters + wanted * Math.min(0.9, quarterShares[plan.level]! * density ** 2), ticksPerBar);
    const chosen = pick(scored(bar, bars, number, plan.level), wanted, quarters, plan.level);
    quarters -= chosen.filter(({ tick }) => phaseOf(tick) === 2).length;
    owed = Math.min(owed - chosen.length, 2);
    for (const { tick, weight } of chosen) events.push({ tick, bar: number, weight });
  });
  return limitRuns(events, plan.level);
}

/** Calm bars get 0.62 of the density, the most intense 1.3. */
const factor = (intensity: number) => 0.62 + 0.68 * intensity;

function byBar({ ticks }: Grid, structure: Structure): Tick[][] {
  const bars: Tick[][] = structure.intensity.map(() => []);
  for (const tick of ticks) bars[structure.barOf(tick)]?.push(tick);
  return bars;
}

interface Scored {
  tick: Tick;
  weight: number;
}

function scored(bar: Tick[], bars: Tick[][], number: number, level: number): Scored[] {
  return bar.map((tick) => {
    const place = mod(tick.index, ticksPerBar);
    const around = repeatDistances.flatMap((distance) =>
      [number - distance, number + distance].flatMap(
        (other) => bars[other]?.find((candidate) => mod(candidate.index, ticksPerBar) === place)?.strength ?? [],
      ),
    );
    const repeated = around.length > 0 ? around.reduce((sum, value) => sum + value, 0) / around.length : tick.strength;
    const phase = phaseWeights[level]![phaseOf(tick)];
    const inaudible = tick.strength < audible && phaseOf(tick) > 0;
    const heard = Math.log1p(tick.strength) + repeatWeight * Math.log1p(repeated);
    return { tick, weight: inaudible ? -Infinity : heard + phase + downbeat(place) };
  });
}

/** 0 on the beat, 1 on its half, 2 on its quarters. */
export function phaseOf(tick: Tick): 0 | 1 | 2 {
  const place = mod(tick.index, ticksPerBeat);
  return place === 0 ? 0 : place === 2 ? 1 : 2;
}

const downbeat = (place: number) => (place === 0 ? 0.3 : 0);
export const mod = (value: number, base: number) => ((value % base) + base) % base;

function pick(candidates: Scored[], wanted: number, mostQuarters: number, level: number): Scored[] {
  const order = candidates
    .filter(({ weight }) => weight > -Infinity)
    .sort((a, b) => quantised(b.weight) - quantised(a.weight) || a.tick.index - b.tick.index);
  const chosen: Scored[] = [];
  const taken = new Set<number>();
  let quarters = 0;
  for (const candidate of order) {
    if (chosen.length >= wanted) break;
    const { index } = candidate.tick;
    // A lone quarter hangs in the air: it needs the beat or half beside it.
    if (phaseOf(candidate.tick) === 2) {
      if (quarters + 1 > mostQuarters || (!taken.has(index - 1) && !taken.has(index + 1))) continue;
      quarters += 1;
    }
    if (level <= 1 && phaseOf(candidate.tick) === 1 && taken.has(index - 2) && taken.has(index + 2)) continue;
    chosen.push(candidate);
    taken.add(index);
  }
  return chosen.sort((a, b) => a.tick.index - b.tick.index);
}

const quantised = (value: number) => Math.round(value * 1e6);

/** Breaks runs of quarters that are longer than the level allows, at their weakest quarter. */
function limitRuns(events: RhythmEvent[], level: number): RhythmEvent[] {
  const kept: RhythmEvent[] = [];
  let run = 1;
  for (const event of events) {
    const before = kept.at(-1);
    run = before && event.tick.index - before.tick.index === 1 ? run + 1 : 1;
    if (run > longestRun[level]! && phaseOf(event.tick) === 2) {
      run = 0;
      continue;
    }
    kept.push(event);
  }
  return kept;
}
