import type { Point } from '../verify/slider.ts';

/** The points of a polyline that are needed so that none of it is further than `tolerance` px away (Ramer, Douglas, Peucker); two at least. */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  const first = points[0] ?? { x: 0, y: 0 };
  const last = points.length - 1;
  if (last < 1) return [first, first];
  const kept = new Uint8Array(points.length);
  kept[0] = kept[last] = 1;
  const open: [number, number][] = [[0, last]];
  for (let stretch = open.pop(); stretch; stretch = open.pop()) {
    const [from, to] = stretch;
    const { index, distance } = furthest(points, from, to);
    if (distance <= tolerance) continue;
    kept[index] = 1;
    open.push([from, index], [index, to]);
  }
  return points.filter((_, i) => kept[i] === 1);
}

/** The point between two that lies furthest from the line between them. */
function furthest(points: readonly Point[], from: number, to: number) {
  const a = points[from] ?? { x: 0, y: 0 };
  const b = points[to] ?? a;
  let index = from;
  let distance = 0;
  for (let i = from + 1; i < to; i++) {
    const away = fromLine(points[i] ?? a, a, b);
    if (away > distance) [index, distance] = [i, away];
  }
  return { index, distance };
}

/** px from a point to the stretch from a to b. */
function fromLine(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : ((point.x - a.x) * dx + (point.y - a.y) * dy) / length;
  const at = Math.min(1, Math.max(0, share));
  return Math.sqrt((point.x - a.x - at * dx) ** 2 + (point.y - a.y - at * dy) ** 2);
}
