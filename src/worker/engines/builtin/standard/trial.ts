import type { Point } from '../beatmap/hit-objects.ts';
import { pxPerBeat, type Plan } from '../plan.ts';
import { gridBeats, slidesOf, type TimedObject } from './objects.ts';
import { line, mirrored, type Shape } from './slider-path.ts';

export const width = 512;
export const height = 384;
const margin = 2;

/** An object as it is tried: its place, where it is left and in which direction, and what it covers. */
export interface Trial {
  object: TimedObject;
  position: Point;
  exit: Point;
  heading: number;
  body: { shape: Shape; heading: number; length: number } | null;
  /** Where it is seen: head, places of the path. */
  places: readonly Point[];
}

/** Where a movement comes from. */
export interface Cursor {
  before: TimedObject;
  exit: Point;
  heading: number;
}

/** What decides where an object has room. */
export interface Field {
  plan: Plan;
  /** Factor on slider speed of each bar. */
  speeds: readonly number[];
  /** Of a circle, px. */
  radius: number;
}

/** The screen ends 44 px below the playfield, less than the radius of the largest circles, which stacks move by some px more. */
export const bottomFor = (radius: number) => Math.min(height, Math.floor(428 - radius - 8));
export const inside = ({ x, y }: Point, bottom: number) => x >= 0 && x <= width && y >= 0 && y <= bottom;
const well = (x: number, y: number, bottom: number) =>
  x >= margin && x <= width - margin && y >= margin && y <= bottom - margin;

/** A spinner holds nothing; the next object starts from the middle. */
export function resting(object: TimedObject): Trial {
  const middle = { x: width / 2, y: height / 2 };
  return { object, position: middle, exit: middle, heading: 0, body: null, places: [] };
}

/** How else a slider may leave where its own way leads off the playfield: radians against the way that was wished. */
const otherWays = [0, 0.5, -0.5, 1.1, -1.1, 1.9, -1.9];

/** An object at a place, or null where its path has no room. `leave`: direction of a slider against that of arrival, radians. */
export function tryObject(
  object: TimedObject,
  position: Point,
  heading: number,
  shape: Shape,
  leave: number,
  sign: 1 | -1,
  { plan, speeds, radius }: Field,
): Trial | null {
  if (object.kind === 'circle') {
    return { object, position, exit: position, heading, body: null, places: [position] };
  }
  const length = sliderLength(object, plan, speeds);
  const own = sign === 1 ? shape : mirrored(shape);
  for (const way of otherWays) {
    for (const tried of way === 0 ? [own, mirrored(own)] : [way < 0.6 && way > -0.6 ? own : line]) {
      const trial = layBody(object, position, heading + leave + way, tried, length, bottomFor(radius));
      if (trial) return trial;
    }
  }
  return null;
}

/** px of one span. */
function sliderLength(object: TimedObject, plan: Plan, speeds: readonly number[]): number {
  const { start, end } = object;
  return (gridBeats(start, end) / slidesOf(object)) * pxPerBeat(plan, start.tempo) * (speeds[start.bar] ?? 1);
}

function layBody(
  object: TimedObject,
  position: Point,
  heading: number,
  shape: Shape,
  length: number,
  bottom: number,
): Trial | null {
  const cos = Math.cos(heading) * length;
  const sin = Math.sin(heading) * length;
  const { samples, controls } = shape;
  const fits = ({ x, y }: Point) => well(position.x + x * cos - y * sin, position.y + x * sin + y * cos, bottom);
  // The end is the likeliest to be outside.
  for (let i = samples.length - 1; i >= 0; i -= 1) if (!fits(samples[i]!)) return null;
  if (shape.type === 'B' && !controls.every(fits)) return null;
  const places = [position];
  for (const { x, y } of samples) {
    places.push({ x: position.x + x * cos - y * sin, y: position.y + x * sin + y * cos });
  }
  const end = places.at(-1)!;
  const back = slidesOf(object) % 2 === 0;
  const exit = back ? position : { x: Math.round(end.x), y: Math.round(end.y) };
  const left = back ? heading + Math.PI : heading + shape.exit;
  return { object, position, exit, heading: left, body: { shape, heading, length }, places };
}

/**
 * One object that fits nowhere at its distance: where it fits on the whole playfield, as near to the distance as can be. A slider for which there is no room becomes a circle.
 */
export function forced(object: TimedObject, distance: number, cursor: Cursor, field: Field): Trial {
  const length = object.kind === 'slider' ? sliderLength(object, field.plan, field.speeds) : 0;
  const bottom = bottomFor(field.radius);
  let found: { trial: Trial; away: number } | undefined;
  for (let x = 16; x < width; x += 32) {
    for (let y = 16; y < bottom; y += 32) {
      const away = Math.abs(Math.hypot(x - cursor.exit.x, y - cursor.exit.y) - distance);
      if (found && away >= found.away) continue;
      const heading = Math.atan2(y - cursor.exit.y, x - cursor.exit.x);
      const position = { x, y };
      if (object.kind === 'circle') {
        found = { trial: { object, position, exit: position, heading, body: null, places: [position] }, away };
        continue;
      }
      for (let k = 0; k < 16; k += 1) {
        const trial = layBody(object, position, (k * Math.PI) / 8, line, length, bottom);
        if (trial) found = { trial, away };
        if (trial) break;
      }
    }
  }
  if (found) return found.trial;
  const circle: TimedObject = { ...object, kind: 'circle', end: object.start, edges: [object.start] };
  return { object: circle, position: cursor.exit, exit: cursor.exit, heading: 0, body: null, places: [cursor.exit] };
}
