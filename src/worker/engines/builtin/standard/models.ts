import type { Point } from '../beatmap/hit-objects.ts';
import type { Random } from '../random.ts';
import type { Manner } from './manner.ts';
import type { Chunk, Pattern } from './motifs.ts';
import { height, width } from './trial.ts';

/** A direction to enter a chunk in, the hand that it turns to, and what speaks against it. */
export interface Way {
  heading: number;
  sign: 1 | -1;
  /** How much else a slider leaves than its pattern wishes. */
  leave: number;
  cost: number;
}

/** A chunk that was placed, for others to take after. */
export interface Model {
  pattern: Pattern;
  stream: boolean;
  heading: number;
  sign: 1 | -1;
  centre: Point;
}

/** Where a chunk's bar lives: points that cover the playfield evenly (the R2 sequence), mirrored for bars heard before. */
export function homeOf(chunk: Chunk, remembered: ReadonlyMap<string, Model>, manner: Manner, random: Random): Point {
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
export function modelOf(
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
export function imagesOf({ heading, sign }: Model): Way[] {
  const other = sign === 1 ? -1 : 1;
  return [
    { heading: Math.PI - heading, sign: other, leave: 0, cost: 0 },
    { heading: -heading, sign: other, leave: 0, cost: 0 },
    { heading: heading + Math.PI, sign, leave: 0, cost: 0 },
  ];
}
