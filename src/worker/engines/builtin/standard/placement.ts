import type { Point, SliderPath } from '../beatmap/hit-objects.ts';
import { preemptMs } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Structure } from '../hearing/structure.ts';
import { distanceBetween, type DistanceNeeds } from './distance.ts';
import { homeOf, imagesOf, modelOf, type Model, type Way } from './models.ts';
import { chunksOf, isStreamed, ofLength, patternOf, type Chunk, type Pattern } from './motifs.ts';
import type { TimedObject } from './objects.ts';
import { crowding, type Crowd } from './overlap.ts';
import { pathOf } from './slider-path.ts';
import { bottomFor, forced, height, inside, resting, tryObject, width, type Cursor, type Trial } from './trial.ts';

/** A hit object of osu!standard with its place. Lengths in px of the 512 × 384 playfield. */
export interface PlacedObject {
  object: TimedObject;
  position: Point;
  slider?: { path: SliderPath; length: number };
}

/** A chunk as it is tried, with all that speaks against it. */
interface Attempt extends Way {
  trials: Trial[];
  /** What of the cost is for covering others. */
  crowded: number;
}

/** What a chunk finds where it begins. */
interface Room {
  cursor: Cursor;
  around: readonly Trial[];
  home: Point;
  /** To each of its objects. */
  distances: readonly number[];
}

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
      trials.push(forcedFirst(chunk, pattern));
      return;
    }
    // Too wide for the playfield, or over what lies there: the halves may fit.
    const middle = Math.ceil(chunk.objects.length / 2);
    place({ ...chunk, objects: chunk.objects.slice(0, middle), place: chunk.place * 2 + 16 });
    place({ ...chunk, objects: chunk.objects.slice(middle), place: chunk.place * 2 + 17 });
  }

  function forcedFirst({ objects }: Chunk, { scale }: Pattern): Trial {
    const cursor = cursorNow(objects[0]!);
    return forced(objects[0]!, distanceBetween(cursor.before, objects[0]!, scale, needs), cursor, needs);
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

function centreOf(trials: readonly Trial[]): Point {
  const sum = trials.reduce((total, { exit }) => ({ x: total.x + exit.x, y: total.y + exit.y }), { x: 0, y: 0 });
  return { x: sum.x / trials.length, y: sum.y / trials.length };
}

function towards({ x, y }: Point, heading: number, distance: number, gridPx: number): Point {
  const snap = (value: number) => Math.round(value / gridPx) * gridPx;
  return { x: snap(x + Math.cos(heading) * distance), y: snap(y + Math.sin(heading) * distance) };
}

const wrap = (angle: number) => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
