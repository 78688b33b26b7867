import type { Point, SliderPath } from '../hit-objects.ts';
import { preemptMs } from '../plan.ts';
import type { Random } from '../random.ts';
import { beatsOf, type TimedObject } from './objects.ts';
import { samplePath, sliderPath } from './slider-path.ts';
import { circleRadius, pxPerBeat, type StandardPlan } from './standard.ts';

/** A hit object of osu!standard with its place. Lengths in px of the 512 × 384 playfield. */
export interface PlacedObject extends TimedObject {
  position: Point;
  path?: SliderPath;
  length?: number;
  /** Where the next movement starts. */
  exit: Point;
}

const width = 512;
const height = 384;
const headings = 24;
const candidatesPerObject = headings + 8;

/** Cross-screen jumps are for the hardest level. */
const farthest = [260, 260, 260, 310, 390, 420];

/** Angle between two movements, in degrees 0 (back) to 180 (straight on), that maps of each level use at half beats. */
const jumpAngles: readonly (readonly [angle: number, spread: number])[] = [
  [140, 40],
  [140, 40],
  [125, 45],
  [85, 50],
  [62, 40],
  [62, 40],
];
const streamAngle: readonly [number, number] = [155, 25];
/** Gap in quarter beats up to which a movement belongs to a stream. */
const streamTicks = 1;

interface Cursor {
  exit: Point;
  /** Direction of the last movement. */
  heading: number;
  /** Which way the movement turns; changes with the combo. */
  turn: 1 | -1;
  exitTime: number;
  exitIndex: number;
}

/**
 * Gives every object its place. For each, candidates in all directions at the distance that time and level ask for are
 * weighed: angle to the last movement, overlap with what is still visible, how the playfield has been used, and a keyed
 * random part, so that no shape repeats by itself. `spacing` scales all distances.
 */
export function placeObjects(
  objects: TimedObject[],
  plan: StandardPlan,
  spacing: number,
  random: Random,
): PlacedObject[] {
  const radius = circleRadius(plan.cs);
  const preempt = preemptMs(plan.ar);
  const placed: PlacedObject[] = [];
  const first: Point = { x: width / 2, y: height / 2 };
  let cursor: Cursor = {
    exit: first,
    heading: random('start') * 2 * Math.PI,
    turn: 1,
    exitTime: -Infinity,
    exitIndex: -1e6,
  };

  for (const object of objects) {
    const { index, time } = object.start;
    if (object.newCombo) cursor.turn = random('turn', index) < 0.5 ? 1 : -1;
    const visible = placed.slice(-12).filter((other) => time - (other.end ?? other.start).time < preempt);
    const distance = distanceTo(object, cursor, plan, spacing, radius, random);
    const length = beatsOf(object) * pxPerBeat(plan, object.start.tempo);
    let best: { score: number; object: PlacedObject; heading: number } | undefined;
    for (let k = 0; k < candidatesPerObject; k += 1) {
      const candidate = propose(object, cursor, k, distance, length, random);
      if (!candidate) continue;
      const score = weigh(candidate, cursor, plan, visible, radius, random('taste', index, k));
      if (!best || score > best.score) best = { score, object: candidate.object, heading: candidate.heading };
    }
    const chosen = best?.object ?? fallback(object, cursor, length);
    placed.push(chosen);
    const end = chosen.end ?? chosen.start;
    const heading = Math.atan2(chosen.position.y - cursor.exit.y, chosen.position.x - cursor.exit.x);
    cursor = {
      ...cursor,
      exit: chosen.exit,
      heading: exitHeading(chosen, heading),
      exitTime: end.time,
      exitIndex: end.index,
    };
  }
  return placed;
}

/** Distance from the last object's end, px. */
function distanceTo(
  object: TimedObject,
  cursor: Cursor,
  plan: StandardPlan,
  spacing: number,
  radius: number,
  random: Random,
) {
  const gapTicks = object.start.index - cursor.exitIndex;
  const { beatMs, ticksPerBeat } = object.start.tempo;
  const beats = gapTicks / ticksPerBeat;
  if (plan.level <= 1) {
    // Time and distance go together, so that beginners can read the rhythm from the spacing.
    return Math.min(
      farthest[plan.level]!,
      Math.max(0.8, Math.min(1.25, spacing)) * pxPerBeat(plan, object.start.tempo) * Math.min(beats, 2.5),
    );
  }
  const accent = 0.88 + 0.3 * Math.min(1, Math.max(0, (object.start.strength - 0.8) / 1.6));
  if (gapTicks <= streamTicks)
    return Math.max(8, (10 + 3.2 * plan.stars) * spacing ** (plan.level >= 3 ? 2 : 1) * (object.newCombo ? 1.15 : 1));
  const half = plan.jumpSpeed * (beatMs / 2) * halfBeatScale(beatMs);
  const wobble = 0.92 + 0.16 * random('wobble', object.start.index);
  const distance = half * (beats / 0.5) ** 0.35 * accent * wobble * spacing;
  return Math.min(farthest[plan.level]!, Math.max(radius * 0.6, distance));
}

/** Below 120 and above 240 BPM "half a beat" is another time; the speed law is kept near 167 ms. */
const halfBeatScale = (beatMs: number) => Math.min(1.25, Math.max(0.75, Math.sqrt(333 / beatMs)));

interface Candidate {
  object: PlacedObject;
  heading: number;
}

function propose(
  object: TimedObject,
  cursor: Cursor,
  k: number,
  distance: number,
  length: number,
  random: Random,
): Candidate | null {
  const { index } = object.start;
  const jitter = (random('heading', index, k) - 0.5) * ((2 * Math.PI) / headings);
  const heading = (2 * Math.PI * k) / headings + jitter;
  const shrink = k < headings ? 1 : 0.75;
  const position = {
    x: Math.round(cursor.exit.x + Math.cos(heading) * distance * shrink),
    y: Math.round(cursor.exit.y + Math.sin(heading) * distance * shrink),
  };
  if (!inside(position)) return null;
  if (!object.end) return { object: { ...object, position, exit: position }, heading };

  const leave = heading + (random('leave', index, k) - 0.5) * 2.2;
  const turn = random('curve', index, k) < 0.35 ? 0 : (random('bend', index, k) - 0.5) * Math.min(2.6, length / 50);
  const track = samplePath(position, leave, length, turn);
  if (!track.every(inside)) return null;
  const path = sliderPath(position, leave, length, turn);
  if (!path.points.every(inside)) return null;
  return { object: { ...object, position, path, length, exit: path.points.at(-1)! }, heading };
}

const inside = ({ x, y }: Point) => x >= 0 && x <= width && y >= 0 && y <= height;

function weigh(
  { object, heading }: Candidate,
  cursor: Cursor,
  plan: StandardPlan,
  visible: PlacedObject[],
  radius: number,
  taste: number,
): number {
  const gapTicks = object.start.index - cursor.exitIndex;
  const bend = wrap(heading - cursor.heading);
  const angle = 180 - (Math.abs(bend) * 180) / Math.PI;
  const [wanted, spread] = gapTicks <= streamTicks ? streamAngle : jumpAngles[plan.level]!;
  const far = gapTicks > 6 ? 0.3 : 1;
  let score = -far * ((angle - wanted) / spread) ** 2;
  if (bend * cursor.turn < 0 && gapTicks <= 3) score -= 0.6;
  score -= overlap(object, visible, radius, gapTicks) * (plan.level <= 1 ? 3 : 1.2);
  score -= 0.8 * border(object.exit) + 0.8 * border(object.position);
  return score + 1.2 * taste;
}

/** How much the object covers others that are still to be seen, 0 and up. */
function overlap(object: PlacedObject, visible: PlacedObject[], radius: number, gapTicks: number): number {
  const neighbours = gapTicks <= streamTicks ? visible.slice(0, -3) : visible;
  const points = object.path ? object.path.points : [object.position];
  let covered = 0;
  for (const other of neighbours) {
    for (const place of other.path ? other.path.points : [other.position]) {
      for (const point of points) {
        const near = Math.hypot(point.x - place.x, point.y - place.y) / (2 * radius);
        if (near < 1) covered += (1 - near) / points.length;
      }
    }
  }
  return covered;
}

/** 0 in the middle of the playfield, up to 1 in its corners. */
const border = ({ x, y }: Point) =>
  (Math.abs(x / width - 0.5) * 2) ** 4 * 0.5 + (Math.abs(y / height - 0.5) * 2) ** 4 * 0.5;

const wrap = (angle: number) => Math.atan2(Math.sin(angle), Math.cos(angle));

function exitHeading(object: PlacedObject, arrival: number): number {
  if (!object.path) return arrival;
  const [before, last] = object.path.points.slice(-2);
  return Math.atan2(last!.y - before!.y, last!.x - before!.x);
}

/** No direction fits, as for a long slider from a corner: towards the far side through the middle, where there is room. */
function fallback(object: TimedObject, cursor: Cursor, length: number): PlacedObject {
  const { exit } = cursor;
  if (!object.end) return { ...object, position: exit, exit };
  const position = {
    x: exit.x < width / 2 ? 40 : width - 40,
    y: Math.round(Math.min(height - 40, Math.max(40, exit.y))),
  };
  const path = sliderPath(position, position.x < width / 2 ? 0 : Math.PI, Math.min(length, width - 80), 0);
  return { ...object, position, path, length, exit: path.points.at(-1)! };
}
