import type { Point, SliderPath } from '../hit-objects.ts';
import { preemptMs, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Structure } from '../structure.ts';
import { distanceBetween, type DistanceNeeds } from './distance.ts';
import type { Manner } from './manner.ts';
import { chunksOf, isStreamed, ofLength, patternOf, type Chunk, type Pattern } from './motifs.ts';
import { beatsBetween, slidesOf, type TimedObject } from './objects.ts';
import { crowding, type Crowd } from './overlap.ts';
import { line, mirrored, pathOf, type Shape } from './slider-path.ts';
import { pxPerBeat } from './speed.ts';

/** A hit object of osu!standard with its place. Lengths in px of the 512 × 384 playfield. */
export interface PlacedObject {
  object: TimedObject;
  position: Point;
  slider?: { path: SliderPath; length: number };
}

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

interface Cursor {
  before: TimedObject;
  exit: Point;
  heading: number;
}

/** A direction to enter a chunk in, the hand that it turns to, and what speaks against it. */
interface Way {
  heading: number;
  sign: 1 | -1;
  /** How much else a slider leaves than its pattern wishes. */
  leave: number;
  cost: number;
}

/** A chunk as it is tried, with all that speaks against it. */
interface Attempt extends Way {
  trials: Trial[];
  /** What of the cost is for covering others. */
  crowded: number;
}

/** A chunk that was placed, for others to take after. */
interface Model {
  pattern: Pattern;
  stream: boolean;
  heading: number;
  sign: 1 | -1;
  centre: Point;
}

/** What a chunk finds where it begins. */
interface Room {
  cursor: Cursor;
  around: readonly Trial[];
  home: Point;
  /** To each of its objects. */
  distances: readonly number[];
}

const width = 512;
const height = 384;
const margin = 2;
const headings = 24;
const leavesOfOne = [0.7, -0.7, 1.4, -1.4, 2.2, -2.2];
/** A chunk that covers others this much is divided, by level. */
const tooCrowded = [6, 6, 4, 4, 8, 8];
/** So many objects before a chunk are looked at for overlaps. */
const seen = 14;

/**
 * Gives every object its place, chunk by chunk. A chunk's pattern is tried in 24 directions and both hands, from the end
 * of the chunk before; the cheapest way in is taken: near the bar's own home on the playfield, with the turn and the free room that
 * are wanted. Homes are spread evenly and do not depend on what came before, so a map that differs in one event is the same
 * again some chunks later. Bars that sound like earlier ones take their patterns mirrored.
 */
export function placeObjects(objects: readonly TimedObject[], structure: Structure, needs: Needs): PlacedObject[] {
  const placer = createPlacer(needs);
  for (const chunk of chunksOf(objects, structure)) placer.place(chunk);
  return placer.trials.map(({ object, position, body }) => ({
    object,
    position,
    ...(body ? { slider: { path: pathOf(body.shape, position, body.heading, body.length), length: body.length } } : {}),
  }));
}

export interface Needs extends DistanceNeeds {
  random: Random;
}

function createPlacer(needs: Needs) {
  const { plan, manner, random, radius } = needs;
  const bottom = bottomFor(radius);
  const trials: Trial[] = [];
  const remembered = new Map<string, Model>();
  const recent: string[] = [];
  const crowd: Crowd = { level: plan.level, radius, preemptMs: preemptMs(plan.ar) };
  let last: Model | undefined;

  const cursorNow = (object: TimedObject): Cursor => {
    const trial = trials.at(-1);
    if (trial) return { before: trial.object, exit: trial.exit, heading: trial.heading };
    const heading = random('start') * 2 * Math.PI;
    return { before: { ...object, end: object.start }, exit: { x: width / 2, y: height / 2 }, heading };
  };

  function place(chunk: Chunk): void {
    if (chunk.objects[0]!.kind === 'spinner') {
      for (const object of chunk.objects) trials.push(resting(object));
      return;
    }
    const model = modelOf(chunk, remembered, last, manner, random);
    const pattern = model ? ofLength(model.pattern, chunk) : patternOf(chunk, manner, random);
    const home = homeOf(chunk, remembered, manner, random);
    const single = chunk.objects.length === 1;
    const attempt = best(chunk, pattern, home, model);
    if (attempt && (single || attempt.crowded < tooCrowded[plan.level]!)) {
      keep(chunk, pattern, attempt);
      return;
    }
    if (single) {
      trials.push(forced(chunk.objects[0]!, pattern, cursorNow(chunk.objects[0]!), needs));
      return;
    }
    // Too wide for the playfield, or over what lies there: the halves may fit.
    const middle = Math.ceil(chunk.objects.length / 2);
    place({ ...chunk, objects: chunk.objects.slice(0, middle), place: chunk.place * 2 + 16 });
    place({ ...chunk, objects: chunk.objects.slice(middle), place: chunk.place * 2 + 17 });
  }

  function keep(chunk: Chunk, pattern: Pattern, attempt: Attempt): void {
    trials.push(...attempt.trials);
    const { heading, sign } = attempt;
    last = { pattern, stream: chunk.stream, heading, sign, centre: centreOf(attempt.trials) };
    remembered.set(`${chunk.bar}:${chunk.place}`, last);
    recent.push(shapeName(pattern, attempt));
  }

  /** The cheapest way to lay a chunk. Ways in are tried from the cheapest on, until they alone cost more than the best chunk. */
  function best(chunk: Chunk, pattern: Pattern, home: Point, model: Model | undefined): Attempt | null {
    const first = chunk.objects[0]!;
    const cursor = cursorNow(first);
    const ways: Way[] = [];
    const offset = random('heading', first.start.index) * 2 * Math.PI;
    for (let k = 0; k < headings; k += 1) {
      const heading = offset + (2 * Math.PI * k) / headings;
      const taste = 0.8 * random('taste', first.start.index, k);
      ways.push({ heading, sign: 1, leave: 0, cost: taste }, { heading, sign: -1, leave: 0, cost: 0.8 - taste });
    }
    for (const way of ways) way.cost += entryCost(way, pattern, cursor, first);
    // What takes after a model need not begin as the pattern wishes.
    if (model)
      for (const way of imagesOf(model))
        ways.push({ ...way, cost: 0.15 * entryCost(way, pattern, cursor, first) - manner.loyalty });
    for (const way of ways) way.cost += repeated(pattern, way);
    ways.sort((a, b) => a.cost - b.cost);
    const distances = chunk.objects.map((object, j) =>
      pattern.stacked[j]! ? 0 : distanceBetween(chunk.objects[j - 1] ?? cursor.before, object, pattern.scale, needs),
    );
    const room: Room = { cursor, around: trials.slice(-seen), home, distances };
    const found = cheapest(chunk, pattern, ways, room, null);
    const bad = !found || found.crowded >= tooCrowded[plan.level]!;
    if (!bad || chunk.objects.length > 1 || first.kind === 'circle') return found;
    // A slider on its own may also leave in other directions.
    const turned = leavesOfOne.flatMap((leave) =>
      ways.map((way) => ({ ...way, leave, cost: way.cost + 0.3 * Math.abs(leave) })),
    );
    turned.sort((a, b) => a.cost - b.cost);
    return cheapest(chunk, pattern, turned, room, found);
  }

  function cheapest(chunk: Chunk, pattern: Pattern, ways: readonly Way[], room: Room, known: Attempt | null) {
    let found = known;
    for (const way of ways) {
      const limit: number = found?.cost ?? Infinity;
      if (way.cost >= limit) break;
      found = run(chunk, pattern, way, room, limit) ?? found;
    }
    return found;
  }

  /** Three times the same shape in a row is enough. */
  function repeated(pattern: Pattern, way: Way): number {
    const shape = shapeName(pattern, way);
    return recent.slice(-3).filter((other) => other === shape).length >= 2 ? 4 : 0;
  }

  /** The chunk laid out from the cursor, or null where it leaves the playfield or costs more than `limit`. */
  function run(chunk: Chunk, pattern: Pattern, way: Way, room: Room, limit: number): Attempt | null {
    const laid: Trial[] = [];
    const { sign } = way;
    let { exit, heading: left } = room.cursor;
    let { cost } = way;
    let crowded = 0;
    for (const [j, object] of chunk.objects.entries()) {
      const heading = j > 0 ? left + sign * pattern.turns[j - 1]! : way.heading;
      const position = towards(exit, heading, room.distances[j]!, manner.gridPx);
      if (!inside(position, bottom)) return null;
      const leave = sign * pattern.leaves[j]! + way.leave;
      const trial = tryObject(object, position, heading, pattern.shapes[j]!, leave, sign, needs);
      if (!trial) return null;
      cost += (0.4 * awayFrom(room.home, trial.exit)) / chunk.objects.length;
      if (cost >= limit) return null;
      const covering = pattern.stacked[j] ? 0 : crowding(trial, room.around, laid, crowd);
      crowded += covering;
      cost += covering;
      if (cost >= limit) return null;
      laid.push(trial);
      ({ exit, heading: left } = trial);
    }
    return { ...way, trials: laid, cost, crowded };
  }

  return { trials, place };
}

/** A spinner holds nothing; the next object starts from the middle. */
function resting(object: TimedObject): Trial {
  const middle = { x: width / 2, y: height / 2 };
  return { object, position: middle, exit: middle, heading: 0, body: null, places: [] };
}

/** Squared distance in units of a quarter of the playfield. */
const awayFrom = (home: Point, { x, y }: Point) => ((x - home.x) ** 2 + (y - home.y) ** 2) / 120 ** 2;

/** The turn into a chunk against what the pattern wishes; it matters less after a pause, and the hand may be either. */
function entryCost({ heading, sign }: Way, pattern: Pattern, cursor: Cursor, first: TimedObject): number {
  const turn = wrap(heading - cursor.heading);
  // A stream goes on as it came.
  if (isStreamed(cursor.before, first)) return 1.5 * (Math.max(0, Math.abs(turn) - 0.3) / 0.6) ** 2;
  const gapMs = first.start.time - cursor.before.end.time;
  const near = gapMs > 900 ? 0.25 : 1;
  const otherHand = turn * sign < 0 && Math.abs(turn) > 0.5 ? 0.3 : 0;
  return near * (((Math.abs(turn) - pattern.entry) / 0.6) ** 2 + otherHand);
}

const shapeName = ({ name }: Pattern, { sign, heading }: Way) => `${name}:${sign}:${Math.round(heading * 4)}`;

/** Where a chunk's bar lives: points that cover the playfield evenly (the R2 sequence), mirrored for bars heard before. */
function homeOf(chunk: Chunk, remembered: ReadonlyMap<string, Model>, manner: Manner, random: Random): Point {
  const twin = remembered.get(`${chunk.root}:${chunk.place}`);
  if (twin && chunk.root < chunk.bar && random('reuse', chunk.bar) < manner.reuse) {
    const mirror = random('mirror', chunk.bar) < 0.5;
    return { x: width - twin.centre.x, y: mirror ? twin.centre.y : height - twin.centre.y };
  }
  const k = chunk.bar * 3 + chunk.place;
  const u = (random('home x') + k * 0.7548776662466927) % 1;
  const v = (random('home y') + k * 0.5698402909980532) % 1;
  return { x: width * (0.02 + 0.96 * u), y: height * (0.02 + 0.96 * v) };
}

/** What a chunk takes after: the same chunk of an earlier bar that sounds like its own, or the chunk before. */
function modelOf(
  chunk: Chunk,
  remembered: ReadonlyMap<string, Model>,
  last: Model | undefined,
  manner: Manner,
  random: Random,
): Model | undefined {
  const like = (model: Model | undefined) => (model?.stream === chunk.stream ? model : undefined);
  const twin = chunk.root < chunk.bar ? like(remembered.get(`${chunk.root}:${chunk.place}`)) : undefined;
  if (twin && random('reuse', chunk.bar) < manner.reuse) return twin;
  return random('mirror pair', chunk.root, chunk.place) < manner.mirror ? like(last) : undefined;
}

/** A model mirrored over the middle of the playfield, both ways and in both. */
function imagesOf({ heading, sign }: Model): Way[] {
  const other = sign === 1 ? -1 : 1;
  return [
    { heading: Math.PI - heading, sign: other, leave: 0, cost: 0 },
    { heading: -heading, sign: other, leave: 0, cost: 0 },
    { heading: heading + Math.PI, sign, leave: 0, cost: 0 },
  ];
}

function centreOf(trials: readonly Trial[]): Point {
  const sum = trials.reduce((total, { exit }) => ({ x: total.x + exit.x, y: total.y + exit.y }), { x: 0, y: 0 });
  return { x: sum.x / trials.length, y: sum.y / trials.length };
}

function towards({ x, y }: Point, heading: number, distance: number, gridPx: number): Point {
  const snap = (value: number) => Math.round(value / gridPx) * gridPx;
  return { x: snap(x + Math.cos(heading) * distance), y: snap(y + Math.sin(heading) * distance) };
}

/** The screen ends 44 px below the playfield, less than the radius of the largest circles, which stacks move by some px more. */
const bottomFor = (radius: number) => Math.min(height, Math.floor(428 - radius - 8));
const inside = ({ x, y }: Point, bottom: number) => x >= 0 && x <= width && y >= 0 && y <= bottom;
const well = (x: number, y: number, bottom: number) =>
  x >= margin && x <= width - margin && y >= margin && y <= bottom - margin;

/** How else a slider may leave where its own way leads off the playfield: radians against the way that was wished. */
const otherWays = [0, 0.5, -0.5, 1.1, -1.1, 1.9, -1.9];

function tryObject(
  object: TimedObject,
  position: Point,
  heading: number,
  shape: Shape,
  leave: number,
  sign: 1 | -1,
  { plan, speeds, radius }: Needs,
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
export function sliderLength(object: TimedObject, plan: Plan, speeds: readonly number[]): number {
  const { start, end } = object;
  return (beatsBetween(start, end) / slidesOf(object)) * pxPerBeat(plan, start.tempo) * (speeds[start.bar] ?? 1);
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
 * One object that fits nowhere at its distance: in ever smaller distances and, for a slider, anywhere on the playfield where it fits,
 * as near to its distance as can be. A slider for which there is no room becomes a circle.
 */
function forced(object: TimedObject, pattern: Pattern, cursor: Cursor, needs: Needs): Trial {
  const distance = distanceBetween(cursor.before, object, pattern.scale, needs);
  const length = object.kind === 'slider' ? sliderLength(object, needs.plan, needs.speeds) : 0;
  const bottom = bottomFor(needs.radius);
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

const wrap = (angle: number) => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
