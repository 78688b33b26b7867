import type { Beatmap } from './beatmap.ts';
import type { MapObject } from './hit-object.ts';
import { distance, type Point } from './slider.ts';

/** What the catcher must catch, with the way to the next one. */
export interface Catch {
  kind: 'fruit' | 'head' | 'droplet' | 'repeat' | 'tail';
  time: number;
  /** px from the left, 0 to 512 */
  x: number;
  /** The object it is a part of. */
  of: MapObject;
  /** ms and px (signed) to the next; 0 at the last one. */
  gap: number;
  move: number;
  /** px that are left before the way needs a hyperdash; negative: it is one. Infinity at the last. */
  toHyper: number;
  hyper: boolean;
  /** The next one needs a dash, and no hyperdash. */
  dash: boolean;
}

/** Half of the plate, px. */
export const halfPlate = (cs: number): number => (106.75 * (1 - (0.7 * (cs - 5)) / 5)) / 2;

/** ms that the game takes off each gap: a quarter of a frame. */
const frame = 1000 / 60 / 4;

/** Fruits, droplets, reverses and tails in order, with the movement of ppy/osu (CatchBeatmapProcessor, MIT); walking is half as fast as dashing. */
export function movements(map: Beatmap): Catch[] {
  const catches = map.objects.flatMap((object) => partsOf(object, map)).sort((a, b) => a.time - b.time);
  const half = halfPlate(map.cs);
  let direction = 0;
  let excess = half;
  catches.forEach((now, i) => {
    const next = catches[i + 1];
    if (!next) return;
    now.gap = next.time - now.time;
    now.move = next.x - now.x;
    const towards = next.x > now.x ? 1 : -1;
    now.toHyper = now.gap - frame - (Math.abs(now.move) - (towards === direction ? excess : half));
    now.hyper = now.toHyper < 0;
    now.dash = !now.hyper && Math.abs(now.move) - 0.8 * half > 0.5 * now.gap;
    excess = now.hyper ? half : Math.min(half, Math.max(0, now.toHyper));
    direction = towards;
  });
  return catches;
}

/** Ticks of one slider that are looked at; a map for players has a few dozen. */
const mostTicks = 2000;

function partsOf(object: MapObject, map: Beatmap): Catch[] {
  const part = (kind: Catch['kind'], time: number, x: number): Catch => ({
    kind,
    time,
    x: Math.min(512, Math.max(0, x)),
    of: object,
    gap: 0,
    move: 0,
    toHyper: Infinity,
    hyper: false,
    dash: false,
  });
  const { slider } = object;
  if (object.kind === 'circle') return [part('fruit', object.time, object.x)];
  if (!slider) return [];
  const { slides, spanMs, velocity, path } = slider;
  const length = Math.max(0, slider.length);
  const { tempo } = map.timing.at(object.time);
  const tick = (velocity * tempo.beatLength) / map.tickRate;
  const along = walk(path);
  const parts = [part('head', object.time, object.x)];
  for (let slide = 0; slide < slides && parts.length < mostTicks; slide++) {
    const start = object.time + slide * spanMs;
    const back = slide % 2 === 1;
    const ticks: Catch[] = [];
    for (let d = tick; tick > 0 && d < length - velocity * 10 && ticks.length < mostTicks; d += tick)
      ticks.push(part('droplet', start + ((back ? length - d : d) / length) * spanMs, along(d).x));
    parts.push(...(back ? ticks.reverse() : ticks));
    parts.push(
      part(slide === slides - 1 ? 'tail' : 'repeat', start + spanMs, (back ? path[0] : path.at(-1))?.x ?? object.x),
    );
  }
  return parts;
}

/** The point of a polyline after so many px of way. */
export function walk(path: readonly Point[]): (px: number) => Point {
  const lengths = [0];
  let sum = 0;
  path.forEach((point, i) => {
    const before = path[i - 1];
    if (before) lengths.push((sum += distance(before, point)));
  });
  return (px) => {
    let [i, high] = [0, path.length - 1];
    while (i < high) {
      const middle = (i + high) >> 1;
      if ((lengths[middle] ?? 0) < px) i = middle + 1;
      else high = middle;
    }
    const to = path[i] ?? { x: 0, y: 0 };
    const from = path[i - 1];
    const span = (lengths[i] ?? 0) - (lengths[i - 1] ?? 0);
    if (!from || span < 1e-6) return to;
    const share = Math.min(1, (px - (lengths[i - 1] ?? 0)) / span);
    return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
  };
}
