import type { StandardObject } from '../../shared/preview.ts';
import type { Beatmap } from '../verify/beatmap.ts';
import { stackHeights, stackOffset } from '../verify/stacking.ts';
import { combosOf } from './combos.ts';
import { simplify } from './simplify.ts';
import type { PartsOf } from './slider-parts.ts';

/** Circles, sliders and spinners where the game shows them, moved by their stacks; `tolerance` px that a path may be off. */
export function standardObjects(map: Beatmap, partsOf: PartsOf, tolerance: number): StandardObject[] {
  const heights = stackHeights(map);
  const combos = combosOf(map);
  return map.objects.map((object, i) => {
    const { time, end, slider } = object;
    if (object.kind === 'spinner') return { kind: 'spinner', time, end };
    const offset = stackOffset(heights[i] ?? 0, map.cs);
    const look = combos[i] ?? { combo: 1, colour: 0 };
    if (!slider) return { kind: 'circle', time, x: object.x + offset, y: object.y + offset, ...look };
    const path = simplify(slider.path, tolerance).flatMap(({ x, y }) => [x + offset, y + offset]);
    const ticks = partsOf(slider, object).filter(({ kind }) => kind === 'tick');
    return { kind: 'slider', time, end, path, spans: slider.slides, ticks: ticks.map((tick) => tick.time), ...look };
  });
}
