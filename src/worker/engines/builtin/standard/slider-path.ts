import type { Point, SliderPath } from '../beatmap/hit-objects.ts';

/** A slider's shape for a length of 1, leaving (0, 0) to the right. */
export interface Shape {
  type: SliderPath['type'];
  /** Control points after the head. */
  controls: readonly Point[];
  /** Places along the path, evenly spaced, the last is the end. */
  samples: readonly Point[];
  /** Direction at the end, radians. */
  exit: number;
  /** Radians that the path turns by; 0 for a line. */
  turn: number;
}

const sampleCount = 8;

export const line: Shape = {
  type: 'L',
  controls: [{ x: 1, y: 0 }],
  samples: evenly((at) => ({ x: at, y: 0 })),
  exit: 0,
  turn: 0,
};

/** An arc of a circle. Sagittas of 10 to 35 % of the chord are turns of 0.8 to 2.4 radians. */
function arc(turn: number): Shape {
  const at = (s: number): Point => ({ x: Math.sin(turn * s) / turn, y: (1 - Math.cos(turn * s)) / turn });
  return { type: 'P', controls: [at(0.5), at(1)], samples: evenly(at), exit: turn, turn };
}

/** A Bézier curve, or several joined at doubled points, brought to length 1. */
function bezier(points: readonly (readonly [x: number, y: number])[]): Shape {
  const controls = points.map(([x, y]): Point => ({ x, y }));
  const dense = tracePieces([{ x: 0, y: 0 }, ...controls]);
  const lengths = [0];
  for (let i = 1; i < dense.length; i += 1) {
    lengths.push(lengths[i - 1]! + Math.hypot(dense[i]!.x - dense[i - 1]!.x, dense[i]!.y - dense[i - 1]!.y));
  }
  const total = lengths.at(-1)!;
  const scaled = (point: Point): Point => ({ x: point.x / total, y: point.y / total });
  const samples = evenly((at) => scaled(dense[lengths.findIndex((length) => length >= at * total - 1e-9)]!));
  const [before, last] = dense.slice(-2);
  const exit = Math.atan2(last!.y - before!.y, last!.x - before!.x);
  return { type: 'B', controls: controls.map(scaled), samples, exit, turn: exit };
}

function tracePieces(points: readonly Point[]): Point[] {
  const traced: Point[] = [];
  let piece: Point[] = [];
  points.forEach((point, i) => {
    piece.push(point);
    const next = points[i + 1];
    const joint = next?.x === point.x && next.y === point.y;
    if (!joint && next) return;
    for (let k = 0; k <= 100; k += 1) traced.push(casteljau(piece, k / 100));
    piece = [];
  });
  return traced;
}

function casteljau(points: readonly Point[], at: number): Point {
  let row = points;
  while (row.length > 1) {
    row = row.slice(1).map((point, i) => ({
      x: row[i]!.x + (point.x - row[i]!.x) * at,
      y: row[i]!.y + (point.y - row[i]!.y) * at,
    }));
  }
  return row[0]!;
}

function evenly(at: (share: number) => Point): Point[] {
  return Array.from({ length: sampleCount }, (_, i) => at((i + 1) / sampleCount));
}

export const arcs: readonly Shape[] = [0.8, 1.1, 1.5, 1.9, 2.4].map(arc);

/** Wave, hook, bow, corner and hill: none crosses itself, and no joint is near an end. */
export const beziers: readonly Shape[] = [
  bezier([
    [0.5, 0.45],
    [0.5, -0.45],
    [1, 0],
  ]),
  bezier([
    [0.8, 0],
    [0.85, 0.5],
  ]),
  bezier([
    [0.3, 0.02],
    [0.75, 0.15],
    [0.95, 0.45],
  ]),
  bezier([
    [0.5, 0],
    [0.5, 0],
    [0.78, 0.42],
  ]),
  bezier([
    [0.5, 0.2],
    [0.5, 0.2],
    [1, 0],
  ]),
];

/** Each shape and its mirror image over the direction that it leaves in. */
const images = new Map<Shape, Shape>();
for (const shape of [line, ...arcs, ...beziers]) {
  const image: Shape = {
    ...shape,
    controls: shape.controls.map(over),
    samples: shape.samples.map(over),
    exit: -shape.exit,
    turn: -shape.turn,
  };
  images.set(shape, image);
  images.set(image, shape);
}

export const mirrored = (shape: Shape): Shape => images.get(shape)!;

function over({ x, y }: Point): Point {
  return { x, y: -y };
}

/** The path of a shape that starts at `head`, leaves it at `heading` (radians) and is `length` px long; whole px. */
export function pathOf(shape: Shape, head: Point, heading: number, length: number): SliderPath {
  const cos = Math.cos(heading) * length;
  const sin = Math.sin(heading) * length;
  const placed = shape.controls.map(({ x, y }) => ({
    x: Math.round(head.x + x * cos - y * sin),
    y: Math.round(head.y + x * sin + y * cos),
  }));
  return { type: shape.type, points: [head, ...placed] };
}
