import type { Draft, Score } from '../compose.ts';
import { endOf } from './hit-objects.ts';
import { preemptMs } from '../plan.ts';

/** An inherited (green) line: what holds from its time on. */
export interface Effect {
  time: number;
  /** Slider or scroll speed, 1 is the map's own. */
  speed: number;
  /** 5 to 100. */
  volume: number;
  kiai: boolean;
}

const quietest = 45;
const loudest = 75;

/** Green lines where something changes: volume by a section's intensity, kiai, and the draft's speeds. */
export function effectsOf({ grid, structure }: Score, { speeds }: Draft): Effect[] {
  const starts = new Map(grid.ticks.filter(({ place }) => place === 0).map((tick) => [tick.bar, tick]));
  const volumes = structure.sections.flatMap(({ firstBar, intensity, kiai }) => {
    const tick = starts.get(firstBar);
    const volume = Math.round(quietest + (loudest - quietest) * intensity);
    return tick ? [{ time: tick.time, volume, kiai }] : [];
  });
  const volumeAt = new Map(volumes.map((change) => [change.time, change]));
  const speedAt = new Map(speeds.map(({ time, factor }) => [time, factor]));
  const times = [...new Set([...volumes, ...speeds].map(({ time }) => time))].sort((a, b) => a - b);
  const effects: Effect[] = [];
  let now: Effect = { time: 0, speed: 1, volume: firstVolume(volumes), kiai: false };
  for (const time of times) {
    const volume = volumeAt.get(time) ?? now;
    const speed = speedAt.get(time) ?? now.speed;
    const next = { time, speed, volume: volume.volume, kiai: volume.kiai };
    const same = next.speed === now.speed && next.volume === now.volume && next.kiai === now.kiai;
    if (!same) effects.push(next);
    now = next;
  }
  return effects;
}

const firstVolume = (volumes: readonly { volume: number }[]) => volumes[0]?.volume ?? 60;

const shortestBreakGapMs = 5_000;
const afterObjectMs = 200;
const shortestBreakMs = 650;

/** Breaks in the pauses of at least five seconds: 200 ms after the last object, over before the next one appears. */
export function breaksOf({ objects }: Draft, ar: number): [number, number][] {
  const breaks: [number, number][] = [];
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    if (!before) return;
    const start = endOf(before) + afterObjectMs;
    const end = Math.floor(object.time - preemptMs(ar));
    if (object.time - start >= shortestBreakGapMs && end - start >= shortestBreakMs) breaks.push([start, end]);
  });
  return breaks;
}
