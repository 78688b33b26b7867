import type { CatchObject } from '../../shared/preview.ts';
import { firstIndex } from './visible.ts';

/** How fast the catcher walks, osu! pixels per ms (osu! wiki, Gameplay/osu!catch). */
const WALK = 0.5;

interface Stand {
  x: number;
  /** Dashing as a hyperfruit lets it. */
  hyper: boolean;
}

/**
 * The plate that catches everything: it is at each object when that comes down, waits as long as walking lets it, and goes evenly, faster than
 * walking where there is no time for that.
 */
export function createPlate(objects: readonly CatchObject[]) {
  return (time: number): Stand => {
    const next = firstIndex(objects.length, (index) => (objects[index]?.time ?? 0) > time);
    const [from, to] = [objects[next - 1], objects[next]];
    if (!from || !to) return { x: (from ?? to)?.x ?? 256, hyper: false };
    const leave = Math.max(from.time, to.time - Math.abs(to.x - from.x) / WALK);
    const gone = to.time > leave ? Math.max(0, (time - leave) / (to.time - leave)) : 1;
    return { x: from.x + (to.x - from.x) * gone, hyper: from.hyper === true };
  };
}
