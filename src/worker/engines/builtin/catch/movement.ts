/** Whether the catcher gets to the next fruit by walking, needs a dash, or is carried there by a hyperdash. */
export type MovementClass = 'walk' | 'dash' | 'hyper';

/** Where the catcher is after a fruit, as the game and a player see it. Lengths in px, times in ms. */
export interface Catcher {
  /** Of the last fruit. */
  x: number;
  time: number;
  /** Of the last movement; 0 before the first. */
  direction: -1 | 0 | 1;
  /** What is left over from the last movement for one in the same direction. */
  excess: number;
  /** Places where a player can be who caught everything so far, moving no faster than each movement's class asks for. */
  low: number;
  high: number;
}

/** Speeds of the catcher, px a ms. */
const walking = 0.5;
const dashing = 1;
/** A quarter of a frame that the game takes off each gap. */
const graceMs = 1000 / 60 / 4;
/** Share of the plate that catches. */
const catchingShare = 0.8;

/** Half the plate's width in px, by circle size (ppy/osu `Catcher`: 106.75 px at scale 1, scale 1 − 0.7 (CS − 5) / 5). */
export const halfPlate = (cs: number): number => (106.75 * (1 - (0.7 * (cs - 5)) / 5)) / 2;

/** How far from its middle the plate catches. */
export const catchReach = (half: number): number => catchingShare * half;

/** The catcher on the first fruit: anybody can be there in time. */
export function standingAt(x: number, time: number, half: number): Catcher {
  const reach = catchReach(half);
  return { x, time, direction: 0, excess: half, low: x - reach, high: x + reach };
}

/** From this distance on a movement in a direction is a hyperdash; the formula of ppy/osu's `CatchBeatmapProcessor` (MIT). */
export function hyperDistance({ time, direction, excess }: Catcher, at: number, towards: -1 | 1, half: number): number {
  return Math.trunc(at) - Math.trunc(time) - graceMs + (towards === direction ? excess : half);
}

/** Up to this distance the catcher gets there without a dash: the mark of the ranking criteria. */
export const walkDistance = (gapMs: number, half: number): number => walking * gapMs + catchReach(half);

/** The farthest place that a player catches at `at`, who cannot be faster than the class allows. */
export function reachable({ time, low, high }: Catcher, at: number, slow: boolean, half: number): [number, number] {
  const way = (slow ? walking : dashing) * (at - time) + catchReach(half);
  return [low - way, high + way];
}

/** The catcher after the next fruit, and px that were left before the way would have been a hyperdash (negative: it is one). */
export function moveTo(catcher: Catcher, x: number, at: number, slow: boolean, half: number) {
  const towards = x > catcher.x ? 1 : -1;
  const toHyper = hyperDistance(catcher, at, towards, half) - Math.abs(x - catcher.x);
  const reach = catchReach(half);
  const speed = (slow ? walking : dashing) * (at - catcher.time);
  const hyper = toHyper < 0;
  const next: Catcher = {
    x,
    time: at,
    direction: towards,
    excess: hyper ? half : Math.min(half, toHyper),
    // A hyperdash ends on the fruit itself.
    low: hyper ? x : Math.max(catcher.low - speed, x - reach),
    high: hyper ? x : Math.min(catcher.high + speed, x + reach),
  };
  return { next, toHyper };
}

/** Px that the ranking criteria ask for between a dash and a hyperdash: up to 10 at 180 BPM, more where the beat is faster. */
export function edgeRoom(gapMs: number, bpm: number): number {
  const scale = bpm ** 2 / 14400 - bpm / 80 + 1;
  return scale * Math.round(10 * (1 - (1 - Math.min(gapMs, 300) / 300) ** 0.75));
}
