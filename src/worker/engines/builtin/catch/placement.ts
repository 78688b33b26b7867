import type { Score } from '../compose.ts';
import type { SliderPath } from '../hit-objects.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { classify, gapsBetween } from './classes.ts';
import { contourOf } from './contour.ts';
import { curvedPath, dropletTimes, juiceParts, juicePath, pxPerBeat, wigglePath, type Part } from './juice.ts';
import * as movement from './movement.ts';
import type { Catcher, MovementClass } from './movement.ts';
import { Motifs, type StreamWish, type Wish } from './motifs.ts';
import { spanMs, type TimedObject } from './objects.ts';

/** An object with its place. */
export interface PlacedObject {
  object: TimedObject;
  x: number;
  /** Of a juice stream: its path, and the length of one span in px. */
  stream: { path: SliderPath; length: number } | null;
}

const left = 16;
const right = 496;
/** Px between a movement and the mark where its class would end. */
const classMargin = 8;
const hyperMargin = 14;
/** Nearer than 20 px to a hyperdash the star rating takes a dash for an edge dash. */
const edgeMargin = 21;
/** Px that a player need not be exact. */
const playerMargin = 6;
/** Horizontal speed of juice streams at most, px/ms, by level: below walking (0.5) for beginners. */
const streamSpeeds = [0.4, 0.44, 0.55, 0.65, 0.75, 0.8];
/** Up to this level a walk is one that needs no dash even in a row of walks; harder maps go by the mark for one gap. */
const slowLevels = 0;
/** A walk in a longer gap is not wider. */
const longestWalkMs = 600;

/** Platter, and what is a fast hyperdash there. */
const backLevel = 2;
const quickMs = 250;
const slowBack = 9 / 50;

/** What is the same for all movements of a map. */
interface Frame {
  plan: Plan;
  half: number;
  spacing: number;
}

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
        const cramped = right - x < way.roomAfter && x - left < way.roomAfter;
        const score = taste(wish, towards, x) - Math.abs(distance - wanted) / 90 - (cramped ? 8 : 0);
        if (!best || score > best.score) best = { x, score };
      }
    }
    if (best) return movement.moveTo(catcher, best.x, at, isSlow(frame, kind), frame.half).next;
  }
  return movement.moveTo(catcher, catcher.x, at, false, frame.half).next;
}

const isSlow = ({ plan }: Frame, kind: MovementClass) => plan.level <= slowLevels && kind === 'walk';

const taste = ({ towards, weight, target }: Wish, way: -1 | 1, x: number) =>
  (way === towards ? weight : 0) - Math.abs(x - target) / 400;

/** Least and greatest distance of a movement of the class in a direction, or null where the playfield or the rhythm has none. */
function distances({ plan, half }: Frame, way: Way, towards: -1 | 1): [number, number] | null {
  const { catcher, at, bpm, kind } = way;
  const gap = at - catcher.time;
  const hyper = movement.hyperDistance(catcher, at, towards, half);
  const room = towards > 0 ? right - catcher.x : catcher.x - left;
  if (kind === 'hyper') return ordered(hyper + hyperMargin, room);
  const slow = kind === 'walk' && plan.level <= slowLevels;
  const [low, high] = movement.reachable(catcher, at, slow, half);
  const reached = (towards > 0 ? high - catcher.x : catcher.x - low) - playerMargin;
  const edge = hyper - Math.max(edgeMargin, movement.edgeRoom(gap, bpm) + 2);
  const walk = movement.walkDistance(gap, half);
  if (kind === 'dash') return ordered(walk + classMargin, Math.min(edge, reached, room));
  const back = towards === catcher.direction ? Infinity : way.backSpeed * gap;
  return ordered(0, Math.max(0, Math.min(walk - classMargin, edge, reached, room, back)));
}

const ordered = (from: number, to: number): [number, number] | null => (from <= to ? [from, to] : null);

/** A hyperdash may be this much wider than it must be, px. */
const widestHyper = 260;

/** By level, so that a spacing of 1 gives about the stars that were asked for. */
const gains = [1, 1.25, 1.1, 1.02, 1.06, 1.06];

/** The size of a wish by the spacing: all sizes near 0 at the least spacing, near 1 at the greatest, about as wished at 1. */
const widened = (size: number, { spacing, plan }: Frame) => size ** (1 / (spacing * gains[plan.level]!) ** 2);

function wantedDistance(frame: Frame, { catcher, at, kind, wish }: Way, [from, to]: [number, number]) {
  const within = (distance: number) => Math.min(to, Math.max(from, distance));
  if (wish.distance !== undefined) return within(wish.distance);
  const size = widened(wish.size, frame);
  if (kind === 'hyper') return within(from + widestHyper * size);
  if (kind === 'dash') return within(from + (to - from) * size);
  return within(movement.walkDistance(Math.min(at - catcher.time, longestWalkMs), frame.half) * size);
}

interface Laid {
  path: SliderPath;
  length: number;
  after: Catcher;
}

/** Shares of the wished width that are tried until every droplet is a walk away from the last. */
const narrower = [1, 0.8, 0.6, 0.4, 0.2, 0];
/** Time of one swing of a wiggle, and most of them on a slider. */
const swingMs = 120;
const mostSwings = 6;

/** The juice stream from a head on: which way, and as wide as wished where its droplets and the next movement let it. */
function layStream(
  frame: Frame,
  { edges }: TimedObject,
  head: Catcher,
  wish: StreamWish,
  roomAfter: number,
  backSpeed: number,
): Laid {
  const { plan } = frame;
  const [start, next] = [edges[0], edges[1]!];
  const { tempo } = start;
  const slides = edges.length - 1;
  const span = spanMs(start, next);
  const length = ((next.index - start.index) / tempo.ticksPerBeat) * pxPerBeat(plan, tempo);
  const droplets = dropletTimes(span, tempo, plan);
  const swings = wish.wiggly ? Math.min(mostSwings, Math.max(2, Math.round(span / swingMs))) : 1;
  const widest = Math.min(length, streamSpeeds[plan.level]! * span) / swings;
  const wanted = Math.min(widest, wish.distance ?? widest * widened(wish.size, frame));
  let best: { laid: Laid; score: number } | undefined;
  for (const towards of [wish.towards, -wish.towards as -1 | 1]) {
    const room = towards > 0 ? right - head.x : head.x - left;
    for (const share of narrower) {
      const back = towards === head.direction ? Infinity : (backSpeed * span) / swings;
      const across = Math.floor(Math.min(wanted * share, room, back));
      const path = pathOf(head.x, towards * across, length, swings, wish.bent, start.index % 2 === 0);
      const parts = juiceParts(path, length, span, droplets, slides);
      const { after, easy } = follow(frame, head, parts, tempo.point.bpm);
      if (!easy && share > 0) continue;
      const cramped = right - after.x < roomAfter && after.x - left < roomAfter;
      const score = taste(wish, towards, after.x) - Math.abs(across - wanted) / 60 - (cramped ? 8 : 0);
      if (!best || score > best.score) best = { laid: { path, length, after }, score };
      if (!cramped) break;
    }
  }
  return best!.laid;
}

/** As it is wished, or a line where that has no room. */
function pathOf(
  x: number,
  across: number,
  length: number,
  swings: number,
  bent: boolean,
  upwards: boolean,
): SliderPath {
  const wished =
    swings > 1 ? wigglePath(x, across, length, swings) : bent ? curvedPath(x, across, length, upwards) : null;
  return wished ?? juicePath(x, across, length, upwards);
}

/** The catcher after all parts of a stream that begins where it is, and whether each was an easy walk. */
function follow({ plan, half }: Frame, head: Catcher, parts: readonly Part[], bpm: number) {
  const slow = plan.level <= slowLevels;
  let after = head;
  let easy = true;
  for (const { time, x } of parts) {
    const at = head.time + time;
    const gap = at - after.time;
    const away = Math.abs(x - after.x);
    const { next, toHyper } = movement.moveTo(after, x, at, slow, half);
    const clear = toHyper >= Math.max(edgeMargin, movement.edgeRoom(gap, bpm) + 2);
    const walk = away <= movement.walkDistance(gap, half) - classMargin;
    easy &&= next.low <= next.high - playerMargin && (away <= 1 || (walk && clear));
    after = next;
  }
  return { after, easy };
}
