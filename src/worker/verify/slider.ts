import { PathPoint, PathType, SliderPath, Vector2 } from 'osu-classes';

export interface Point {
  x: number;
  y: number;
}

/** A Bezier curve takes time with the square of its points; no map for players has as many in one slider. */
const mostNodes = 1000;

/**
 * The path of a slider from its text ("B|100:100|…"), its head and its written length (0: as long as its control points make
 * it). Null where the text is no path. The curves are those of osu-classes, a port of the game's own.
 */
export function sliderPath(text: string, head: Point, length: number) {
  const [letter = '', ...tokens] = text.split('|').map((token) => token.trim());
  const nodes: Point[] = [head];
  const letters = new Map([[0, letter]]);
  for (const token of tokens) {
    if (/^[A-Z]\d?$/.test(token)) {
      letters.set(nodes.length, token);
      continue;
    }
    const [x = NaN, y = NaN] = token.split(':').map((part) => Math.trunc(parseFloat(part)));
    if (!(Math.abs(x) <= 131_072 && Math.abs(y) <= 131_072)) return null;
    nodes.push({ x, y });
  }
  if (!/^[A-Z]\d?$/.test(letter) || nodes.length < 2 || nodes.length > mostNodes) return null;
  const { points, redNodes } = pathPoints(nodes, letters);
  const drawn = new SliderPath(points[0]?.type ?? PathType.Linear, points).calculatedPath;
  const polyline = drawn.map((point) => ({ x: head.x + point.x, y: head.y + point.y }));
  const [end, before] = [nodes.at(-1), nodes.at(-2)];
  const endsTwice =
    points.findLast(({ type }) => type)?.type === PathType.Linear && end?.x === before?.x && end?.y === before?.y;
  return { ...fitted(polyline.length > 0 ? polyline : [head], length, !endsTwice), nodes, redNodes };
}

/** A polyline cut to a length, or drawn out straight on where it may grow; length 0: as it is. As in ppy/osu (SliderPath, MIT). */
function fitted(points: readonly Point[], length: number, mayGrow: boolean): { path: Point[]; length: number } {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1] ?? { x: 0, y: 0 }, points[i] ?? { x: 0, y: 0 }];
    const step = distance(from, to);
    const isLast = i === points.length - 1;
    if (length > 0 && (sum + step >= length || (isLast && mayGrow && sum + step < length)) && step > 0) {
      const share = (length - sum) / step;
      const end = { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
      return { path: [...points.slice(0, i), end], length };
    }
    sum += step;
  }
  return { path: [...points], length: sum };
}

/** Control points with the type of the segment that begins there; a point that is written twice ends a segment (red anchor). */
function pathPoints(nodes: readonly Point[], letters: ReadonlyMap<number, string>) {
  const head = nodes[0] ?? { x: 0, y: 0 };
  const redNodes: number[] = [];
  let type = curveType(letters.get(0) ?? '', nodes, letters.size === 1);
  const points: PathPoint[] = [];
  nodes.forEach(({ x, y }, i) => {
    const next = nodes[i + 1];
    const before = nodes[i - 1];
    const isCatmull = type === PathType.Catmull;
    if (before && next && before.x === x && before.y === y && !(isCatmull && i > 1)) {
      const end = points.at(-1);
      if (end) end.type = type;
      redNodes.push(i);
      return;
    }
    const letter = letters.get(i);
    if (letter !== undefined && i > 0) type = curveType(letter, nodes, false);
    const point = new PathPoint(new Vector2(x - head.x, y - head.y));
    if (i === 0 || letter !== undefined) point.type = type;
    points.push(point);
  });
  return { points, redNodes };
}

function curveType(letter: string, nodes: readonly Point[], whole: boolean): PathType {
  if (letter.startsWith('L')) return PathType.Linear;
  if (letter.startsWith('C')) return PathType.Catmull;
  if (!letter.startsWith('P')) return PathType.Bezier;
  if (!whole) return PathType.PerfectCurve;
  const [a, b, c] = nodes;
  if (!a || !b || !c || nodes.length !== 3) return PathType.Bezier;
  const straight = Math.abs((b.y - a.y) * (c.x - a.x) - (b.x - a.x) * (c.y - a.y)) < 0.001;
  return straight ? PathType.Linear : PathType.PerfectCurve;
}

/** px. Not Math.hypot, which is ten times as slow. */
export const distance = (a: Point, b: Point): number => Math.sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2);
