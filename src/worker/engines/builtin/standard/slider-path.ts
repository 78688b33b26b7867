import type { Point, SliderPath } from '../hit-objects.ts';

/**
 * A slider of `length` px that leaves `head` at `heading` (radians) and turns by `turn` radians on its way: a line for 0, else
 * an arc of a circle.
 */
export function sliderPath(head: Point, heading: number, length: number, turn: number): SliderPath {
  const at = (distance: number) => round(along(head, heading, turn / length, distance));
  const straight = Math.abs(turn) < 0.15 || length < 50;
  if (straight) return { type: 'L', points: [head, round(along(head, heading, 0, length))] };
  return { type: 'P', points: [head, at(length / 2), at(length)] };
}

/** Points of the path, at most 5 px apart, for checks of where it goes. */
export function samplePath(head: Point, heading: number, length: number, turn: number): Point[] {
  const count = Math.max(2, Math.ceil(length / 5));
  return Array.from({ length: count + 1 }, (_, i) => along(head, heading, turn / length, (length * i) / count));
}

function along(head: Point, heading: number, curvature: number, distance: number): Point {
  if (Math.abs(curvature) < 1e-6) {
    return { x: head.x + Math.cos(heading) * distance, y: head.y + Math.sin(heading) * distance };
  }
  const end = heading + curvature * distance;
  return {
    x: head.x + (Math.sin(end) - Math.sin(heading)) / curvature,
    y: head.y - (Math.cos(end) - Math.cos(heading)) / curvature,
  };
}

const round = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });
