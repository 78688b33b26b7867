import type { Score } from './compose.ts';
import type { Tick } from './grid.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';

/** How far a scroll speed may be from the map's own, by level: none in the two lowest (T14, M06), ±10 % in the third (M14), then ±20 %. */
const reaches = [0, 0, 0.1, 0.2, 0.2, 0.2];
const slightest = 0.05;

/**
 * Changes of scroll speed, `plan.scrollRatio` a note time (Mapperatorinator's measure): first where sections start, then on bars, beats
 * and the rest. Calm sections scroll slower than intense ones.
 */
export function scrollSpeeds(
  ticks: readonly Tick[],
  { structure }: Score,
  { scrollRatio, level }: Plan,
  random: Random,
): { time: number; factor: number }[] {
  const reach = reaches[level]!;
  const times = [...new Map(ticks.map((tick) => [tick.time, tick])).values()];
  const wanted = Math.round(scrollRatio * times.length);
  if (reach === 0 || wanted === 0) return [];
  const starts = new Set(structure.sections.map(({ firstBar }) => firstBar));
  const rank = ({ place, bar, phase }: Tick) => (place > 0 ? 2 + phase : starts.has(bar) ? 0 : 1);
  const chosen = times
    .map((tick) => ({ tick, key: rank(tick) + random('scroll', tick.index) }))
    .sort((a, b) => a.key - b.key)
    .slice(0, wanted)
    .map(({ tick }) => tick)
    .sort((a, b) => a.time - b.time);
  let last = 1;
  return chosen.map((tick) => {
    const size = slightest + (reach - slightest) * random('scroll size', tick.index);
    const calm = (structure.intensity[tick.bar] ?? 0.5) < 0.5;
    let factor = hundredth(calm ? 1 - size : 1 + size);
    // A line that changes nothing is none.
    if (factor === last) factor = hundredth(factor > 1 ? 1 - size : 1 + size);
    last = factor;
    return { time: tick.time, factor };
  });
}

const hundredth = (value: number) => Math.round(value * 100) / 100;
