import type { Draft, Score } from '../compose.ts';
import type { Random } from '../random.ts';
import type { Manner } from './manner.ts';

/** Sections below this intensity are calm. */
const calm = 0.3;

/** The factor on slider speed of each bar: slower where it is calm, faster in kiai; a twentieth is the smallest step. */
export function speedsOfBars({ grid, structure }: Score, manner: Manner, random: Random): number[] {
  const { speeds } = manner;
  const byBar = structure.intensity.map(() => 1);
  for (const section of structure.sections) {
    const base = section.kiai ? speeds.kiai : section.intensity < calm ? speeds.calm : 1;
    for (let bar = section.firstBar; bar <= section.lastBar; bar += 1) {
      const swing = speeds.swing * (random('speed', bar - section.firstBar, section.label) < 0.5 ? -1 : 1);
      byBar[bar] = Math.round(base * (1 + swing) * 20) / 20;
    }
  }
  // Before the first timing point no line can set a speed.
  for (const { time, bar, tempo } of grid.ticks) if (time < tempo.point.offsetMs) byBar[bar] = 1;
  return byBar;
}

/** Where the speed of the bars changes. */
export function changesOf({ grid }: Score, byBar: readonly number[]): Draft['speeds'] {
  const changes: Draft['speeds'] = [];
  let now = 1;
  for (const { time, bar } of grid.ticks) {
    const factor = byBar[bar] ?? 1;
    if (factor !== now) changes.push({ time, factor });
    now = factor;
  }
  return changes;
}
