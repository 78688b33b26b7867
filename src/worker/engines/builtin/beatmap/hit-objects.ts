/** A place on the 512 × 384 playfield, in whole px. */
export interface Point {
  x: number;
  y: number;
}

interface Timed {
  /** Whole ms. */
  time: number;
  newCombo: boolean;
  /** Bits of additions: `whistle`, `finish`, `clap`; of a slider: those of its body. */
  sound: number;
}

export interface Circle extends Timed, Point {
  kind: 'circle';
}

export interface Slider extends Timed, Point {
  kind: 'slider';
  /** Whole ms, of the last edge. */
  endTime: number;
  path: SliderPath;
  /** Length of one span, px. */
  length: number;
  /** Spans: 1 for a slider without a reverse. */
  slides: number;
  /** Additions of head, reverses and tail: `slides` + 1 of them. */
  edgeSounds: number[];
}

/** A spinner; in taiko a denden, in catch a shower of bananas. */
export interface Spinner extends Timed {
  kind: 'spinner';
  endTime: number;
}

/** A long note of mania. `x` says the column. */
export interface Hold extends Timed, Point {
  kind: 'hold';
  endTime: number;
}

export type HitObject = Circle | Slider | Spinner | Hold;

export interface SliderPath {
  /** L: lines; P: a circle's arc through three points; B: Bézier. */
  type: 'L' | 'P' | 'B';
  /** All control points with the head first. */
  points: Point[];
}

export const whistle = 2;
export const finish = 4;
export const clap = 8;

export const endOf = (object: HitObject): number => (object.kind === 'circle' ? object.time : object.endTime);

const typeBits = { circle: 1, slider: 2, spinner: 8, hold: 128 } as const;
const newComboBit = 4;
/** What the game writes for a spinner's place. */
const centre: Point = { x: 256, y: 192 };

/** One line of [HitObjects], format 14. */
export function hitObjectLine(object: HitObject): string {
  const { time, sound, kind } = object;
  const type = typeBits[kind] | (object.newCombo ? newComboBit : 0);
  const { x, y } = kind === 'spinner' ? centre : object;
  const head = `${x},${y},${time},${type},${sound}`;
  if (kind === 'circle') return `${head},0:0:0:0:`;
  if (kind === 'spinner') return `${head},${object.endTime},0:0:0:0:`;
  if (kind === 'hold') return `${head},${object.endTime}:0:0:0:0:`;
  const points = object.path.points.slice(1).map((point) => `${point.x}:${point.y}`);
  const length = Math.round(object.length * 1e6) / 1e6;
  const sets = object.edgeSounds.map(() => '0:0').join('|');
  const path = `${object.path.type}|${points.join('|')}`;
  return `${head},${path},${object.slides},${length},${object.edgeSounds.join('|')},${sets},0:0:0:0:`;
}
