import type { TaikoObject } from '../../shared/preview.ts';
import type { Beatmap } from '../verify/beatmap.ts';
import type { SliderShape } from '../verify/hit-object.ts';
import { lengthOf } from './slider-parts.ts';
import { beatMsAt, speedAt } from './scroll.ts';

/** A drum roll's ticks that are heard; no map for players has as many. */
const mostTicks = 2000;

/** Notes, drum rolls and swells. */
export function taikoObjects(map: Beatmap): TaikoObject[] {
  return map.objects.map(({ kind, time, end, sounds, slider }) => {
    const sound = sounds[0]?.sound ?? 0;
    const big = (sound & 4) !== 0;
    if (kind === 'spinner') return { kind: 'swell', time, end };
    if (!slider) return { kind: 'note', time, kat: (sound & (2 | 8)) !== 0, big };
    return { kind: 'drumroll', time, end: time + rollMs(map, slider, time), big };
  });
}

/** In the game's own order of operations (ppy/osu, TaikoBeatmapConverter): whether a roll is cut by 1 ms hangs on the last digit. */
function rollMs(map: Beatmap, slider: SliderShape, time: number): number {
  const faster = Math.fround(1.4);
  const distance = lengthOf(slider) * faster * slider.slides;
  const velocity = ((100 * (map.sliderMultiplier * faster)) / map.tickRate) * map.tickRate;
  return Math.trunc((distance / velocity) * beatMsAt(map, time) * (Math.fround(100 / speedAt(map, time)) / 100));
}

/** When the ticks of a drum roll are struck: four a beat, three where the map's tick rate is 3. */
export function rollTicks(map: Beatmap, { time, end }: { time: number; end: number }): number[] {
  const step = beatMsAt(map, time) / (map.tickRate === 3 ? 3 : 4);
  const ticks: number[] = [];
  for (let at = time; at < end + step / 2 && ticks.length < mostTicks; at += step) ticks.push(at);
  return ticks;
}
