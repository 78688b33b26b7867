import type { Score } from './compose.ts';
import type { Tick } from './hearing/grid.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';

/** How far below the map's own a scroll speed may be, by level: none in the two lowest (T14, M06), 10 % in the third, then 20 %. */
const reaches = [0, 0, 0.1, 0.2, 0.2, 0.2];
/** Above it, mania has 10 % at most (M14, M15). */
const mostAbove = { taiko: 0.2, mania: 0.1 };
const slightest = 0.05;

/**
 * Changes of scroll speed, `plan.scrollRatio` a note time (Mapperatorinator's measure): first where sections start, then on bars, beats
 * and the rest. Calm sections scroll slower than intense ones.
 */
export function scrollSpeeds(
  ticks: readonly Tick[],
  { structure }: Score,
  { mode, scrollRatio, level }: Plan,
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
  const above = Math.min(reach, mode === 1 ? mostAbove.taiko : mostAbove.mania);
  let last = 1;
  return chosen.map((tick) => {
    const size = random('scroll size', tick.index);
    const slower = hundredth(1 - slightest - (reach - slightest) * size);
    const faster = hundredth(1 + slightest + (above - slightest) * size);
    const [fitting, other] = (structure.intensity[tick.bar] ?? 0.5) < 0.5 ? [slower, faster] : [faster, slower];
    // A line that changes nothing is none.
    const factor = fitting === last ? other : fitting;
    last = factor;
    return { time: tick.time, factor };
  });
}

const hundredth = (value: number) => Math.round(value * 100) / 100;
