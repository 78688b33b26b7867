import type { Score } from '../compose.ts';
import type { SliderPath } from '../beatmap/hit-objects.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { classify, gapsBetween } from './classes.ts';
import { contourOf } from './contour.ts';
import {
  classMargin,
  edgeDistance,
  hyperMargin,
  isCramped,
  isSlow,
  left,
  playerMargin,
  right,
  taste,
  widened,
  type Frame,
} from './frame.ts';
import * as movement from './movement.ts';
import type { Catcher, MovementClass } from './movement.ts';
import { Motifs, type Wish } from './motifs.ts';
import type { TimedObject } from './objects.ts';
import { layStream } from './streams.ts';

/** An object with its place. */
export interface PlacedObject {
  object: TimedObject;
  x: number;
  /** Of a juice stream: its path, and the length of one span in px. */
  stream: { path: SliderPath; length: number } | null;
}

/** A walk in a longer gap is not wider. */
const longestWalkMs = 600;

/** Platter, and what is a fast hyperdash there. */
const backLevel = 2;
const quickMs = 250;
const slowBack = 9 / 50;

/** One movement to be made. */
interface Way {
  catcher: Catcher;
  at: number;
  bpm: number;
  kind: MovementClass;
  wish: Wish;
  /** Room that the next movement needs on one side. */
  roomAfter: number;
  /** After a fast hyperdash of a Platter it may only go back so slowly, px/ms (ranking criteria: 10 px in 50 ms; whole px and ms take a tenth). */
  backSpeed: number;
}

/** Gives every object its place: movement classes first, then x from left to right, as the classes and the music ask. */
export function placeObjects(
  objects: readonly TimedObject[],
  score: Score,
  plan: Plan,
  spacing: number,
  random: Random,
): PlacedObject[] {
  const frame: Frame = { plan, half: movement.halfPlate(plan.cs), spacing };
  const caught = objects.filter(({ kind }) => kind !== 'shower');
  const movements = caught.reduce((sum, { parts }) => sum + parts, 0) - 1;
  const gaps = gapsBetween(caught, random);
  const classes = classify(gaps, movements, plan, spacing);
  const heads = caught.map(({ edges }) => edges[0]);
  const contour = contourOf(heads, random);
  const motifs = new Motifs(score, plan, random);
  const placed = new Map<TimedObject, PlacedObject>();
  const backSpeed = (i: number) =>
    plan.level === backLevel && classes[i] === 'hyper' && gaps[i]!.ms < quickMs ? slowBack : Infinity;
  let catcher = movement.standingAt(contour[0] ?? 256, heads[0]?.time ?? 0, frame.half);
  caught.forEach((object, i) => {
    const start = heads[i]!;
    const before = catcher;
    const wish = motifs.wish(start, object.accent, before.x, before.direction, contour[i]!);
    const roomAfter = classes[i + 1] === 'hyper' ? gaps[i + 1]!.ms + frame.half + hyperMargin : 0;
    if (i > 0) {
      const bpm = Math.max(start.tempo.point.bpm, caught[i - 1]!.edges[0].tempo.point.bpm);
      const room = object.kind === 'fruit' ? roomAfter : 0;
      const back = gaps[i]!.joined ? backSpeed(i - 1) : Infinity;
      const way = {
        catcher,
        at: start.time,
        bpm,
        kind: classes[i]!,
        wish: wish.head,
        roomAfter: room,
        backSpeed: back,
      };
      catcher = reach(frame, way);
    }
    const { x } = catcher;
    const stream =
      object.kind === 'stream' ? layStream(frame, object, catcher, wish.along, roomAfter, backSpeed(i)) : null;
    if (stream) catcher = stream.after;
    motifs.remember(start, { head: x - before.x, along: (stream?.path.points.at(-1)?.x ?? x) - x });
    placed.set(object, { object, x, stream });
  });
  return objects.map((object) => placed.get(object) ?? { object, x: 256, stream: null });
}

/** The catcher on the next head. Where there is no place for the class, the movement is a walk: it is allowed everywhere. */
function reach(frame: Frame, way: Way): Catcher {
  const { catcher, at, wish } = way;
  for (const kind of way.kind === 'walk' ? (['walk'] as const) : ([way.kind, 'walk'] as const)) {
    let best: { x: number; score: number } | undefined;
    for (const towards of [wish.towards, -wish.towards as -1 | 1]) {
      const range = distances(frame, { ...way, kind }, towards);
      if (!range) continue;
      const wanted = wantedDistance(frame, { ...way, kind }, range);
      for (const distance of [wanted, range[0], range[1]]) {
        const x = Math.round(catcher.x + towards * distance);
        const off = Math.abs(distance - wanted) / 90 + (isCramped(x, way.roomAfter) ? 8 : 0);
        const score = taste(wish, towards, x) - off;
        if (!best || score > best.score) best = { x, score };
      }
    }
    if (best) return movement.moveTo(catcher, best.x, at, isSlow(frame, kind), frame.half).next;
  }
  return movement.moveTo(catcher, catcher.x, at, false, frame.half).next;
}

/** Least and greatest distance of a movement of the class in a direction, or null where the playfield or the rhythm has none. */
function distances(frame: Frame, way: Way, towards: -1 | 1): [number, number] | null {
  const { half } = frame;
  const { catcher, at, bpm, kind } = way;
  const gap = at - catcher.time;
  const hyper = movement.hyperDistance(catcher, at, towards, half);
  const room = towards > 0 ? right - catcher.x : catcher.x - left;
  if (kind === 'hyper') return ordered(hyper + hyperMargin, room);
  const [low, high] = movement.reachable(catcher, at, isSlow(frame, kind), half);
  const reached = (towards > 0 ? high - catcher.x : catcher.x - low) - playerMargin;
  const edge = hyper - edgeDistance(gap, bpm);
  const walk = movement.walkDistance(gap, half);
  if (kind === 'dash') return ordered(walk + classMargin, Math.min(edge, reached, room));
  const back = towards === catcher.direction ? Infinity : way.backSpeed * gap;
  return ordered(0, Math.max(0, Math.min(walk - classMargin, edge, reached, room, back)));
}

const ordered = (from: number, to: number): [number, number] | null => (from <= to ? [from, to] : null);

/** A hyperdash may be this much wider than it must be, px. */
const widestHyper = 260;

function wantedDistance(frame: Frame, { catcher, at, kind, wish }: Way, [from, to]: [number, number]) {
  const within = (distance: number) => Math.min(to, Math.max(from, distance));
  if (wish.distance !== undefined) return within(wish.distance);
  const size = widened(wish.size, frame);
  if (kind === 'hyper') return within(from + widestHyper * size);
  if (kind === 'dash') return within(from + (to - from) * size);
  return within(movement.walkDistance(Math.min(at - catcher.time, longestWalkMs), frame.half) * size);
}
