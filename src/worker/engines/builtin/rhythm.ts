import type { Score } from './compose.ts';
import type { Tick } from './grid.ts';
import type { Plan } from './plan.ts';

/** A tick that something happens on: a head or a slider's tail. */
export interface RhythmEvent {
  tick: Tick;
  weight: number;
}

/** How much a place in the beat speaks for an event (beat, half, quarter), by level. Minus infinity: not allowed. */
const phaseWeights: readonly (readonly [number, number, number])[] = [
  [1.6, -Infinity, -Infinity],
  [1.6, 0.2, -Infinity],
  [1.4, 0.7, -0.4],
  [1.3, 0.8, -0.2],
  [1.2, 0.8, -0.1],
  [1.2, 0.8, 0],
];
/** Share of the events that may be on quarters at the plan's density; human maps have 1, 13 and 17 %. */
const quarterShares = [0, 0, 0.04, 0.15, 0.2, 0.25];
/** Longest run of quarter-beat events. */
const longestRun = [1, 1, 3, 7, 13, 17];
/** Below this strength an off-beat tick carries nothing that could be mapped. */
const audible = 0.35;
const repeatDistances = [1, 2, 4, 8];
const repeatWeight = 0.5;

/**
 * Which ticks carry an event. Each bar gets as many as its share of the density (`eventsPerSecond` × the bar's intensity) and takes its best ones: attack strength, place in the beat, and how strong the same place is in the bars 1,
 * 2, 4 and 8 away, so that bars that sound alike are mapped alike.
 */
export function chooseRhythm({ grid, structure }: Score, { level }: Plan, eventsPerSecond: number): RhythmEvent[] {
  const bars: Tick[][] = structure.intensity.map(() => []);
  for (const tick of grid.ticks) bars[tick.bar]?.push(tick);
  const events: RhythmEvent[] = [];
  let owed = 0;
  let quarters = 0;
  bars.forEach((bar, number) => {
    const { tempo } = bar[0] ?? {};
    if (!tempo) return;
    const loudest = Math.max(...bar.map((tick) => tick.strength));
    const seconds = (bar.length * tempo.beatMs) / tempo.ticksPerBeat / 1000;
    owed += eventsPerSecond * seconds * factor(structure.intensity[number] ?? 0);
    if (loudest < audible) {
      owed = Math.min(owed, 1);
      return;
    }
    const wanted = Math.floor(owed);
    const share = Math.min(0.9, quarterShares[level]!);
    quarters = Math.min(quarters + wanted * share, 4 * tempo.meter);
    const chosen = pick(scored(bar, bars, number, level), wanted, quarters, level);
    quarters -= chosen.filter(({ tick }) => tick.phase === 2).length;
    owed = Math.min(owed - chosen.length, 2);
    events.push(...chosen);
  });
  return limitRuns(events, level);
}

/** Calm bars get 0.62 of the density, the most intense 1.3. */
const factor = (intensity: number) => 0.62 + 0.68 * intensity;

function scored(bar: Tick[], bars: Tick[][], number: number, level: number): RhythmEvent[] {
  return bar.map((tick) => {
    const around = repeatDistances.flatMap((distance) =>
      [number - distance, number + distance].flatMap(
        (other) => bars[other]?.find(({ place }) => place === tick.place)?.strength ?? [],
      ),
    );
    const repeated = around.length > 0 ? around.reduce((sum, value) => sum + value, 0) / around.length : tick.strength;
    const inaudible = tick.strength < audible && tick.phase > 0;
    const heard = Math.log1p(tick.strength) + repeatWeight * Math.log1p(repeated);
    const metre = phaseWeights[level]![tick.phase] + (tick.place === 0 ? downbeat : 0);
    return { tick, weight: inaudible ? -Infinity : heard + metre };
  });
}

const downbeat = 0.3;

function pick(candidates: RhythmEvent[], wanted: number, mostQuarters: number, level: number): RhythmEvent[] {
  const order = candidates
    .filter(({ weight }) => weight > -Infinity)
    .sort((a, b) => quantised(b.weight) - quantised(a.weight) || a.tick.index - b.tick.index);
  const chosen: RhythmEvent[] = [];
  const taken = new Set<number>();
  let quarters = 0;
  for (const candidate of order) {
    if (chosen.length >= wanted) break;
    const { index, phase } = candidate.tick;
    // A lone quarter hangs in the air: it needs the beat or half beside it.
    if (phase === 2) {
      if (quarters + 1 > mostQuarters || (!taken.has(index - 1) && !taken.has(index + 1))) continue;
      quarters += 1;
    }
    if (level <= 1 && phase === 1 && taken.has(index - 2) && taken.has(index + 2)) continue;
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
    if (run > longestRun[level]! && event.tick.phase === 2) {
      run = 0;
      continue;
    }
    kept.push(event);
  }
  return kept;
}
