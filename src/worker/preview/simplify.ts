import { distance, type Point } from '../verify/slider.ts';

/**
 * The points of a polyline that are needed so that nothing that goes along it evenly is more than about `tolerance` px from where it should
 * be (Ramer, Douglas, Peucker, by the way that was gone and not by the nearest point, so that a path that goes back on itself stays); two at least.
 */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  const first = points[0] ?? { x: 0, y: 0 };
  const last = points.length - 1;
  if (last < 1) return [first, first];
  const ways = new Float64Array(points.length);
  for (let i = 1; i <= last; i++) ways[i] = (ways[i - 1] ?? 0) + distance(points[i - 1] ?? first, points[i] ?? first);
  const kept = new Uint8Array(points.length);
  kept[0] = kept[last] = 1;
  const open: [number, number][] = [[0, last]];
  for (let stretch = open.pop(); stretch; stretch = open.pop()) {
    const [from, to] = stretch;
    const { index, off } = furthest(points, ways, from, to);
    if (off <= tolerance) continue;
    kept[index] = 1;
    open.push([from, index], [index, to]);
  }
  return points.filter((_, i) => kept[i] === 1);
}

/** The point between two that is furthest from where one would be who goes straight from the one to the other. */
function furthest(points: readonly Point[], ways: Float64Array, from: number, to: number) {
  const a = points[from] ?? { x: 0, y: 0 };
  const b = points[to] ?? a;
  const start = ways[from] ?? 0;
  const way = (ways[to] ?? 0) - start;
  let index = from;
  let off = 0;
  for (let i = from + 1; i < to; i++) {
    const share = way > 0 ? ((ways[i] ?? 0) - start) / way : 0;
    const away = distance(points[i] ?? a, { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share });
    if (away > off) [index, off] = [i, away];
  }
  return { index, off };
}
