import type { SliderPath } from '../beatmap/hit-objects.ts';
import {
  classMargin,
  edgeDistance,
  isCramped,
  isSlow,
  left,
  playerMargin,
  right,
  taste,
  widened,
  type Frame,
} from './frame.ts';
import { pxPerBeat } from '../plan.ts';
import { curvedPath, dropletTimes, juiceParts, juicePath, wigglePath, type Part } from './juice.ts';
import { moveTo, walkDistance, type Catcher } from './movement.ts';
import type { StreamWish } from './motifs.ts';
import { spanMs, type TimedObject } from './objects.ts';

/** Horizontal speed of juice streams at most, px/ms, by level: below walking (0.5) for beginners. */
const streamSpeeds = [0.4, 0.44, 0.55, 0.65, 0.75, 0.8];

/** A juice stream with its path, and the catcher after it. */
export interface Laid {
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
export function layStream(
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
      const cramped = isCramped(after.x, roomAfter);
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
function follow(frame: Frame, head: Catcher, parts: readonly Part[], bpm: number) {
  const { half } = frame;
  let after = head;
  let easy = true;
  for (const { time, x } of parts) {
    const at = head.time + time;
    const gap = at - after.time;
    const away = Math.abs(x - after.x);
    const { next, toHyper } = moveTo(after, x, at, isSlow(frame, 'walk'), half);
    const clear = toHyper >= edgeDistance(gap, bpm);
    const walk = away <= walkDistance(gap, half) - classMargin;
    easy &&= next.low <= next.high - playerMargin && (away <= 1 || (walk && clear));
    after = next;
  }
  return { after, easy };
}
