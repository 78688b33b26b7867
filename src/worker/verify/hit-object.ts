import { sliderPath, type Point } from './slider.ts';
import { beatMs, type TimingLines } from './timing-lines.ts';

/** Sounds of one edge: the bits of additions (2 whistle, 4 finish, 8 clap) and the sets (0: that of the timing line). */
export interface EdgeSound {
  sound: number;
  normalSet: number;
  additionSet: number;
}

export interface MapObject {
  kind: 'circle' | 'slider' | 'spinner' | 'hold';
  /** Start, ms. */
  time: number;
  /** ms; the start for a circle. */
  end: number;
  x: number;
  y: number;
  newCombo: boolean;
  /** Combo colours that a new combo leaves out. */
  skippedColours: number;
  /** Of a mania map, from 0 at the left. */
  column: number;
  /** Of the head, each reverse and the tail. */
  sounds: EdgeSound[];
  sampleIndex: number;
  /** 0: that of the timing line. */
  volume: number;
  sampleFile: string;
  slider: SliderShape | null;
}

export interface SliderShape {
  /** Points of the polyline that the ball follows, as they stand on the playfield; the head first. */
  path: Point[];
  /** Control points with the head. */
  nodes: Point[];
  /** Indexes in `nodes` of the red anchors. */
  redNodes: number[];
  /** How often the ball goes along the path: 1 without a reverse. */
  slides: number;
  /** Length of one way, px. */
  length: number;
  /** ms of one way. */
  spanMs: number;
  /** px/ms */
  velocity: number;
  /** Where it ends after all its ways. */
  endPoint: Point;
}

interface Context {
  mode: number;
  keys: number;
  sliderMultiplier: number;
  timing: TimingLines;
}

/** Coordinates, lengths and counts beyond these the game itself refuses (ppy/osu, ConvertHitObjectParser). */
const most = { coordinate: 131_072, time: 2_147_483_647, slides: 9000 };

/** Edges of one slider that are looked at; no map for players has as many. */
const mostEdges = 1000;

/** One line of [HitObjects], or why it cannot be read. */
export function readHitObject(line: string, context: Context): MapObject | string {
  const fields = line.split(',');
  const [x = NaN, y = NaN, time = NaN, type = NaN, sound = NaN] = fields.slice(0, 5).map((field) => parseFloat(field));
  if (!(Math.abs(x) <= most.coordinate && Math.abs(y) <= most.coordinate)) return 'an object has no position';
  if (!(Math.abs(time) <= most.time)) return 'an object has no time';
  const object: MapObject = {
    kind: 'circle',
    time,
    end: time,
    x: Math.trunc(x),
    y: Math.trunc(y),
    newCombo: (type & 4) > 0,
    skippedColours: (type >> 4) & 7,
    column: Math.min(context.keys - 1, Math.max(0, Math.floor((x * context.keys) / 512))),
    sounds: [],
    sampleIndex: 0,
    volume: 0,
    sampleFile: '',
    slider: null,
  };
  let sample = fields[5];
  if (type & 2) return readSlider(fields, object, context);
  if (type & 8) {
    object.kind = 'spinner';
    object.end = parseFloat(fields[5] ?? '');
    sample = fields[6];
  } else if (type & 128) {
    object.kind = 'hold';
    object.end = parseFloat(fields[5] ?? '');
    sample = fields[5]?.slice(fields[5].indexOf(':') + 1);
  } else if (!(type & 1)) return `there is no object of type ${fields[3] ?? ''}`;
  if (!(Math.abs(object.end) <= most.time)) return 'an object has no end';
  object.sounds.push({ sound: sound | 0, ...readSample(sample, object) });
  return object;
}

function readSlider(fields: string[], object: MapObject, { sliderMultiplier, timing }: Context): MapObject | string {
  const slides = Math.max(1, parseInt(fields[6] ?? '', 10));
  const written = fields[7] === undefined ? 0 : parseFloat(fields[7]);
  if (!(slides <= most.slides)) return 'a slider has no legal number of slides';
  if (!(Math.abs(written) <= most.coordinate)) return 'a slider has no length';
  const shape = sliderPath(fields[5] ?? '', { x: object.x, y: object.y }, Math.max(0, written));
  if (!shape) return 'a slider has no path';
  const { tempo, speed } = timing.at(object.time);
  const velocity = (100 * sliderMultiplier * speed) / beatMs(tempo);
  const spanMs = shape.length / velocity;
  const sets = readSample(fields[10], object);
  object.kind = 'slider';
  object.end = object.time + spanMs * slides;
  if (!(Math.abs(object.end) <= most.time)) return 'a slider has no end';
  object.slider = {
    ...shape,
    length: written < 0 ? written : shape.length,
    slides,
    spanMs,
    velocity,
    endPoint: (slides % 2 === 1 ? shape.path.at(-1) : shape.path[0]) ?? object,
  };
  const edgeSounds = (fields[8] ?? '').split('|');
  const edgeSets = (fields[9] ?? '').split('|');
  for (let edge = 0; edge <= Math.min(mostEdges, slides); edge++) {
    const own = edgeSets[edge];
    const sound = Number(edgeSounds[edge] || fields[4]) | 0;
    object.sounds.push({ sound, ...sets, ...(own ? edgeSet(own) : {}) });
  }
  return object;
}

function edgeSet(text: string): Omit<EdgeSound, 'sound'> {
  const [normal = '', addition = ''] = text.split(':');
  return { normalSet: Number(normal) | 0, additionSet: Number(addition) | 0 };
}

/** Reads "normal:addition:index:volume:file" into the object and gives the two sets. */
function readSample(text: string | undefined, object: MapObject): Omit<EdgeSound, 'sound'> {
  if (!text) return { normalSet: 0, additionSet: 0 };
  const [normal = '', addition = '', index = '', volume = '', ...file] = text.split(':');
  object.sampleIndex = Number(index) | 0;
  object.volume = Number(volume) || 0;
  object.sampleFile = file.join(':').trim();
  return { normalSet: Number(normal) | 0, additionSet: Number(addition) | 0 };
}

/** Times of the head, each reverse and the tail, or start and end. */
export function edgesOf({ kind, time, end, slider }: MapObject): number[] {
  if (kind === 'circle') return [time];
  if (!slider) return [time, end];
  return Array.from({ length: Math.min(mostEdges, slider.slides) + 1 }, (_, i) => time + i * slider.spanMs);
}

/** Where a player leaves an object. */
export const endPointOf = (object: MapObject): Point => object.slider?.endPoint ?? object;
