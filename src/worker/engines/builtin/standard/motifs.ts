import { rootOf, type Structure } from '../hearing/structure.ts';
import type { Random } from '../random.ts';
import type { Manner } from './manner.ts';
import { arcs, beziers, line, mirrored, type Shape } from './slider-path.ts';
import { gridBeats, type TimedObject } from './objects.ts';

/** Objects that are placed together, as one pattern. */
export interface Chunk {
  objects: TimedObject[];
  /** Which chunk of its bar it is. */
  place: number;
  bar: number;
  /** The earliest bar that sounds like this one: chunks with the same root have the same pattern. */
  root: number;
  stream: boolean;
}

/** How a chunk moves. Turns are in radians against the direction before, with the sign of a turn to the left or right. */
export interface Pattern {
  name: string;
  /** Turn before each object but the first. */
  turns: number[];
  /** Factor on each distance. */
  scale: number;
  /** Objects that lie on the one before. */
  stacked: boolean[];
  /** Turn into the chunk that is wished for, without sign. */
  entry: number;
  /** Shape of each object's slider, and how far it leaves from the direction of arrival. */
  shapes: Shape[];
  leaves: number[];
}

interface Motif {
  name: string;
  /** Angle between two movements in degrees: 0 back, 180 straight on. */
  angle: number;
  alternating: boolean;
  kind: 'line' | 'polygon' | 'flow';
}

const motifs: readonly (readonly Motif[])[] = [
  [
    { name: 'back and forth', angle: 12, alternating: true, kind: 'line' },
    { name: 'zigzag', angle: 34, alternating: true, kind: 'flow' },
    { name: 'star', angle: 36, alternating: false, kind: 'polygon' },
    { name: 'triangle', angle: 57, alternating: false, kind: 'polygon' },
  ],
  [
    { name: 'square', angle: 90, alternating: false, kind: 'polygon' },
    { name: 'pentagon', angle: 108, alternating: false, kind: 'polygon' },
    { name: 'wide zigzag', angle: 75, alternating: true, kind: 'flow' },
  ],
  [
    { name: 'arc', angle: 145, alternating: false, kind: 'flow' },
    { name: 'wave', angle: 148, alternating: true, kind: 'flow' },
    { name: 'line', angle: 176, alternating: true, kind: 'line' },
    { name: 'hexagon', angle: 124, alternating: false, kind: 'polygon' },
  ],
];

const longestChunk = 5;
const longestStreamChunk = 8;
/** Gaps up to this many beats belong to a stream, quarters and thirds, unless the song is so slow that they are jumped to. */
const streamBeats = 0.34;
const streamMs = 122;

/**
 * Cuts a map into chunks: at combos and pauses, where streams begin and end, and where a pattern would become long. Spinners stand
 * alone.
 */
export function chunksOf(objects: readonly TimedObject[], structure: Structure): Chunk[] {
  const chunks: Chunk[] = [];
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    const next = objects[i + 1];
    const gap = before ? gapBeats(before, object) : Infinity;
    const streamed = before !== undefined && isStreamed(before, object);
    const inStream = streamed || (next !== undefined && isStreamed(object, next));
    const chunk = chunks.at(-1);
    const full = chunk && chunk.objects.length >= (chunk.stream ? longestStreamChunk : longestChunk);
    const split = object.newCombo && !streamed;
    const leavesStream = chunk?.stream && !streamed;
    if (!chunk || !before || full || split || gap >= 2 || leavesStream || chunk.stream !== inStream) {
      const { bar } = object.start;
      const place = chunk?.bar === bar ? chunk.place + 1 : 0;
      chunks.push({ objects: [object], bar, place, root: rootOf(bar, structure.twins), stream: inStream });
    } else chunk.objects.push(object);
  });
  return chunks;
}

export function gapBeats(before: TimedObject, object: TimedObject): number {
  if (before.kind === 'spinner' || object.kind === 'spinner') return Infinity;
  const { beatMs } = object.start.tempo;
  return before.end.tempo === object.start.tempo
    ? gridBeats(before.end, object.start)
    : (object.start.time - before.end.time) / beatMs;
}

/** Whether two neighbours belong to one stream. The end of a slider is left as fast as is asked: it need not be met in time. */
export function isStreamed(before: TimedObject, object: TimedObject): boolean {
  const close = gapBeats(before, object) <= streamBeats && object.start.time - before.end.time <= streamMs;
  return close && before.kind === 'circle';
}

/** The pattern of a chunk, by keyed chance from the shares of angles that the manner asks for. */
export function patternOf(chunk: Chunk, manner: Manner, random: Random): Pattern {
  const key = [chunk.root, chunk.place] as const;
  const count = chunk.objects.length;
  const [low, high] = manner.scales;
  const spread = random('scale', ...key) + random('scale too', ...key) - 1;
  const scale = spread < 0 ? 1 + spread * (1 - low) : 1 + spread * (high - 1);
  const stack = chunk.stream && count <= 3 && random('stack', ...key) < manner.stackShare && allCircles(chunk);
  const stacked = chunk.objects.map((object, j) => {
    const circles = j > 0 && object.kind === 'circle' && chunk.objects[j - 1]!.kind === 'circle';
    return circles && (stack || (!chunk.stream && random('pair', ...key, j) < manner.pairShare));
  });
  const motif = chunk.stream ? null : pickMotif(manner, random('bin', ...key), random('motif', ...key));
  const turns: number[] = [];
  const bend = count <= 3 ? 0.2 * random('bend', ...key) : 0.12 + 0.45 * random('bend', ...key) ** 1.5;
  const wave = random('bend too', ...key) < 0.25;
  const drift = (random('drift', ...key) - 0.5) * 14 * (1 - manner.regular);
  for (let j = 1; j < count; j += 1) {
    if (!motif) turns.push(wave && j > count / 2 ? -bend : bend);
    else {
      const turn = ((180 - Math.min(178, Math.max(4, motif.angle + drift))) * Math.PI) / 180;
      turns.push(motif.alternating && j % 2 === 0 ? -turn : turn);
    }
  }
  const name = motif?.name ?? (stack ? 'stack' : 'stream');
  const entry = entryTurn(manner, random('entry bin', ...key), random('entry', ...key));
  const shapes = chunk.objects.map((_, j) => shapeOf(manner, random('path', ...key, j), random('curve', ...key, j)));
  const leaves = chunk.objects.map((_, j) => (random('leave', ...key, j) - 0.35) * 1.3);
  return { name, turns, scale, stacked, entry, shapes, leaves };
}

/** A pattern for a chunk of another length: it is cut, or goes on as it ends. */
export function ofLength(pattern: Pattern, { objects }: Chunk): Pattern {
  const at = <T>(values: readonly T[], j: number): T => values[Math.min(j, values.length - 1)]!;
  const turn = pattern.turns.at(-1) ?? Math.PI / 2;
  return {
    ...pattern,
    turns: objects.slice(1).map((_, j) => pattern.turns[j] ?? turn),
    stacked: objects.map(
      ({ kind }, j) => (pattern.stacked[j] ?? false) && kind === 'circle' && objects[j - 1]?.kind === 'circle',
    ),
    shapes: objects.map((_, j) => at(pattern.shapes, j)),
    leaves: objects.map((_, j) => at(pattern.leaves, j)),
  };
}

const allCircles = ({ objects }: Chunk) => objects.every(({ kind }) => kind === 'circle');

function binOf(manner: Manner, chance: number): number {
  const [sharp, middle] = manner.angles;
  return chance < sharp ? 0 : chance < sharp + middle ? 1 : 2;
}

function pickMotif(manner: Manner, chance: number, taste: number): Motif {
  const choices = motifs[binOf(manner, chance)]!;
  const weights = choices.map(({ kind }) =>
    kind === 'polygon' ? manner.polygons : kind === 'line' ? 0.6 * manner.lines : 1,
  );
  let left = taste * weights.reduce((sum, weight) => sum + weight, 0);
  return choices.find((_, i) => (left -= weights[i]!) < 0) ?? choices.at(-1)!;
}

function entryTurn(manner: Manner, chance: number, within: number): number {
  const angle = 60 * (binOf(manner, chance) + within);
  return ((180 - angle) * Math.PI) / 180;
}

function shapeOf({ paths }: Manner, chance: number, taste: number): Shape {
  const [straight, arched] = paths;
  if (chance < straight) return line;
  const choices = chance < straight + arched ? arcs : beziers;
  const shape = choices[Math.floor(taste * choices.length)]!;
  // A quarter of the curves turns against the pattern.
  return (taste * 97) % 1 < 0.25 ? mirrored(shape) : shape;
}
