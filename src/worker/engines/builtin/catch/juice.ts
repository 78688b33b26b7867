import type { Tempo } from '../hearing/grid.ts';
import type { Point, SliderPath } from '../beatmap/hit-objects.ts';
import type { Plan } from '../plan.ts';

/** A fruit or droplet of a juice stream. */
export interface Part {
  time: number;
  x: number;
}

const width = 512;
/** Paths keep this much of the playfield's height, so that a rounded end stays inside. */
const tallest = 376;
const middle = 192;

/** Offsets of the droplets from the start of a span, ms. The last 10 ms have none (ppy/osu `SliderEventGenerator`, MIT). */
export function dropletTimes(spanMs: number, tempo: Tempo, { tickRate }: Plan): number[] {
  const everyMs = (tempo.beatMs * tempo.pulse) / tickRate;
  const times: number[] = [];
  for (let at = everyMs; at < spanMs - 10; at += everyMs) times.push(at);
  return times;
}

/** Catch objects of a slider: head, droplets, reverses and tail. */
export const partCount = (droplets: number, slides: number): number => slides * (droplets + 1) + 1;

/**
 * A path of `length` px that leads `across` px to the side at even speed: a line that slopes as much as the rest of the length
 * asks for, folded where the playfield is too low for it. All corners are whole px inside the playfield.
 */
export function juicePath(x: number, across: number, length: number, upwards: boolean): SliderPath {
  const rise = Math.sqrt(Math.max(0, length ** 2 - across ** 2));
  const folds = Math.max(1, Math.ceil(rise / tallest));
  const step = (upwards ? -1 : 1) * (rise / folds);
  const top = middle - step / 2;
  const points: Point[] = Array.from({ length: folds + 1 }, (_, i) => ({
    x: Math.min(width, Math.max(0, Math.round(x + (across * i) / folds))),
    y: Math.round(i % 2 === 0 ? top : top + step),
  }));
  return { type: 'L', points };
}

/** A path that swings `across` px to the side and back `waves` times, or null where that would not fit the playfield's height. */
export function wigglePath(x: number, across: number, length: number, waves: number): SliderPath | null {
  const rise = Math.sqrt(Math.max(0, (length / waves) ** 2 - across ** 2));
  if (rise * waves > tallest) return null;
  const top = middle - (rise * waves) / 2;
  const points: Point[] = Array.from({ length: waves + 1 }, (_, i) => ({
    x: i % 2 === 0 ? x : Math.min(width, Math.max(0, Math.round(x + across))),
    y: Math.round(top + rise * i),
  }));
  return { type: 'L', points };
}

/** How far a curve turns, radians: its middle is then a tenth of its length beside the straight way. */
const curveTurn = 0.8;
const chordShare = Math.sin(curveTurn / 2) / (curveTurn / 2);
const bulgeShare = (1 - Math.cos(curveTurn / 2)) / curveTurn;
/** Shorter sliders are too coarse in whole px to be curved. */
const shortestCurve = 80;

/** A gentle curve that leads about `across` px to the side, or null where it is too short or would leave the playfield. */
export function curvedPath(x: number, across: number, length: number, upwards: boolean): SliderPath | null {
  const chord = length * chordShare;
  const wide = Math.sign(across) * Math.min(Math.abs(across), chord);
  const rise = (upwards ? -1 : 1) * Math.sqrt(chord ** 2 - wide ** 2);
  const bulge = length * bulgeShare;
  if (length < shortestCurve || Math.abs(rise) / 2 + bulge > tallest / 2) return null;
  const top = middle - rise / 2;
  const [head, tail] = [point(x, top), point(x + wide, top + rise)];
  const mid = point(x + wide / 2 + (rise / chord) * bulge, middle - (wide / chord) * bulge);
  const path: SliderPath = { type: 'P', points: [head, mid, tail] };
  const along = xAlong(path, length);
  const inside = [0.25, 0.5, 0.75, 1].every((share) => along(share) >= 1 && along(share) <= width - 1);
  return inside ? path : null;
}

const point = (x: number, y: number): Point => ({ x: Math.round(x), y: Math.round(y) });

/** What the catcher meets on a path, its head left out. Times in ms from the head's. */
export function juiceParts(
  path: SliderPath,
  length: number,
  spanMs: number,
  droplets: number[],
  slides: number,
): Part[] {
  const xAt = xAlong(path, length);
  const parts: Part[] = [];
  for (let slide = 0; slide < slides; slide += 1) {
    const back = slide % 2 === 1;
    const start = slide * spanMs;
    const ticks = droplets.map((at) => ({ time: start + (back ? spanMs - at : at), x: xAt(at / spanMs) }));
    parts.push(...(back ? ticks.reverse() : ticks), { time: start + spanMs, x: xAt(back ? 0 : 1) });
  }
  return parts;
}

const xAlong = ({ type, points }: SliderPath, length: number) =>
  type === 'P' ? alongArc(points, length) : alongLines(points, length);

/** x after a share of the way on the circle through three points. */
function alongArc([a, b, c]: Point[], length: number): (share: number) => number {
  const [bx, by, cx, cy] = [b!.x - a!.x, b!.y - a!.y, c!.x - a!.x, c!.y - a!.y];
  const twice = 2 * (bx * cy - by * cx);
  const ux = (cy * (bx ** 2 + by ** 2) - by * (cx ** 2 + cy ** 2)) / twice;
  const uy = (bx * (cx ** 2 + cy ** 2) - cx * (bx ** 2 + by ** 2)) / twice;
  const radius = Math.hypot(ux, uy);
  const start = Math.atan2(-uy, -ux);
  const turn = (Math.sign(twice) * length) / radius;
  return (share) => a!.x + ux + radius * Math.cos(start + turn * share);
}

/** x after a share of the way; the game takes a path that was rounded as it is and stretches or cuts its last line. */
function alongLines(points: Point[], length: number): (share: number) => number {
  return (share) => {
    let left = share * length;
    for (let i = 1; i < points.length; i += 1) {
      const [from, to] = [points[i - 1]!, points[i]!];
      const line = Math.hypot(to.x - from.x, to.y - from.y);
      if (left <= line || i === points.length - 1) return from.x + ((to.x - from.x) * left) / Math.max(line, 1e-6);
      left -= line;
    }
    return points[0]!.x;
  };
}
