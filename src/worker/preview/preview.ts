import { gzipSync } from 'node:zlib';
import type { Preview, PreviewObject } from '../../shared/preview.ts';
import { ratingOf, type Rating } from '../stars.ts';
import { readBeatmap, type Beatmap } from '../verify/beatmap.ts';
import { UnreadableMapError } from '../verify/issue.ts';
import { createTimingLines } from '../verify/timing-lines.ts';
import { catchObjects } from './catch.ts';
import { coloursOf } from './combos.ts';
import { maniaObjects } from './mania.ts';
import { PreviewError } from './preview-error.ts';
import { barlinesOf, kiaiOf, scrollOf } from './scroll.ts';
import { sliderParts } from './slider-parts.ts';
import { bananaSounds, drumSounds, soundsOf } from './sounds.ts';
import { standardObjects } from './standard.ts';
import { taikoObjects } from './taiko.ts';

/** Bytes of a preview's JSON, gzipped, that a page may have to load. */
const mostBytes = 120_000;
/** ms; ten hours. */
const longest = 36_000_000;
/** With more than these no preview is small enough, and making one keeps a worker from its other jobs. */
const mostObjects = 30_000;

/** How exact positions are, px, and what is left out. */
interface Detail {
  path: number;
  grid: number;
  sounds: boolean;
}

/** Tried one after the other until the preview is small enough. */
const details: Detail[] = [
  { path: 0.5, grid: 0.1, sounds: true },
  { path: 0.5, grid: 1, sounds: true },
  { path: 1.5, grid: 1, sounds: true },
  { path: 3, grid: 1, sounds: false },
];

/**
 * What the page draws of a `.osu` text. Read by the verifier's own reader, so that both mean the same objects. Throws PreviewError for what
 * cannot be drawn: no beatmap, no object, a time or place that is no number, or too much of it. `audioShiftMs`: what
 * browserShiftMs says of the song.
 */
export function makePreview(text: string, audioShiftMs: number): Preview {
  const map = inGameTime(read(text));
  const rating = rate(text);
  for (const detail of details) {
    const preview = build(map, rating, audioShiftMs, detail);
    const json = JSON.stringify(preview);
    if (json.length <= mostBytes || gzipSync(json).length <= mostBytes) return preview;
  }
  throw new PreviewError('preview_too_large', 'The map has too many objects for a preview.');
}

function read(text: string): Beatmap {
  try {
    const map = readBeatmap(text);
    if (map.timing.red.length === 0) throw new PreviewError('preview_unreadable', 'The beatmap has no red line.');
    if (map.objects.length === 0) throw new PreviewError('preview_empty', 'The beatmap has no objects.');
    assertFew(map.objects.length);
    return map;
  } catch (error) {
    if (error instanceof UnreadableMapError)
      throw new PreviewError('preview_unreadable', error.message, { cause: error });
    throw error;
  }
}

function assertFew(objects: number) {
  if (objects > mostObjects) throw new PreviewError('preview_too_large', `The map has ${objects} objects.`);
}

/** The game's star rating and highest combo. */
function rate(text: string) {
  try {
    return ratingOf(text);
  } catch (error) {
    throw new PreviewError('preview_unreadable', 'The beatmap cannot be rated.', { cause: error });
  }
}

/** Formats before 5 were written for a player that was 24 ms late; the game adds that to all of their times. */
function inGameTime(map: Beatmap): Beatmap {
  if (map.format >= 5) return map;
  const late = 24;
  return {
    ...map,
    timing: createTimingLines(map.timing.sorted.map((line) => ({ ...line, time: line.time + late }))),
    breaks: map.breaks.map(({ start, end }) => ({ start: start + late, end: end + late })),
    objects: map.objects.map((object) => ({ ...object, time: object.time + late, end: object.end + late })),
  };
}

function build(map: Beatmap, rating: Rating, audioShiftMs: number, detail: Detail): Preview {
  const { objects, sounds } = inMode(map, detail);
  assertFew(objects.length);
  const end = objects.reduce((latest, object) => Math.max(latest, endOf(object)), -Infinity);
  if (end > longest) throw new PreviewError('preview_too_large', `The map goes on to ${Math.round(end)} ms.`);
  const scrolls = map.mode === 1 || map.mode === 3;
  const preview: Preview = {
    version: 1,
    mode: map.mode,
    title: map.metadata.get('Title') ?? '',
    artist: map.metadata.get('Artist') ?? '',
    difficulty: map.metadata.get('Version') ?? '',
    settings: settingsOf(map),
    stars: rating.stars,
    max_combo: rating.maxCombo,
    audio_shift_ms: audioShiftMs,
    end,
    colours: coloursOf(map),
    timing: map.timing.red.map(({ time, beatLength, meter }) => ({ time, beat_ms: beatLength, meter })),
    scroll: scrolls ? scrollOf(map) : [],
    barlines: scrolls ? barlinesOf(map, end) : [],
    kiai: kiaiOf(map, end),
    breaks: map.breaks.filter((one) => one.end > one.start).map((one) => [one.start, one.end]),
    density: densityOf(objects, end),
    counts: countsOf(map.mode, objects),
    sounds: detail.sounds ? sounds : [],
    objects,
  };
  return rounded(preview, detail.grid);
}

function inMode(map: Beatmap, detail: Detail): Pick<Preview, 'objects' | 'sounds'> {
  switch (map.mode) {
    case 0:
      return {
        objects: standardObjects(map, sliderParts(map), detail.path),
        sounds: soundsOf(map, sliderParts(map)),
      };
    case 1: {
      const objects = taikoObjects(map);
      return { objects, sounds: drumSounds(map, objects) };
    }
    case 2: {
      const objects = catchObjects(map, sliderParts(map));
      const sounds = [...soundsOf(map, sliderParts(map)), ...bananaSounds(map, objects)];
      return { objects, sounds: sounds.sort((a, b) => a[0] - b[0]) };
    }
    case 3:
      return { objects: maniaObjects(map), sounds: soundsOf(map, sliderParts(map)) };
  }
}

function settingsOf(map: Beatmap): Preview['settings'] {
  return {
    circle_size: map.cs,
    approach_rate: map.ar,
    overall_difficulty: map.od,
    drain_rate: map.hp,
    slider_multiplier: map.sliderMultiplier,
    slider_tick_rate: map.tickRate,
    keys: map.mode === 3 ? map.keys : 0,
  };
}

const endOf = (object: PreviewObject) => ('end' in object ? object.end : object.time);

/** How many objects begin in each second; of catch fruits only, for droplets fall with them. */
function densityOf(objects: readonly PreviewObject[], end: number): number[] {
  const seconds = new Array<number>(Math.max(0, Math.floor(end / 1000)) + 1).fill(0);
  for (const { kind, time } of objects) {
    const second = Math.min(seconds.length - 1, Math.max(0, Math.floor(time / 1000)));
    if (kind !== 'droplet' && kind !== 'tiny' && kind !== 'banana') seconds[second] = (seconds[second] ?? 0) + 1;
  }
  return seconds;
}

const plurals: [name: string, kind: PreviewObject['kind'] | 'hold'][][] = [
  [
    ['circles', 'circle'],
    ['sliders', 'slider'],
    ['spinners', 'spinner'],
  ],
  [
    ['notes', 'note'],
    ['drumrolls', 'drumroll'],
    ['swells', 'swell'],
  ],
  [
    ['fruits', 'fruit'],
    ['droplets', 'droplet'],
    ['tiny_droplets', 'tiny'],
    ['bananas', 'banana'],
  ],
  [
    ['notes', 'note'],
    ['holds', 'hold'],
  ],
];

function countsOf(mode: Beatmap['mode'], objects: readonly PreviewObject[]): Record<string, number> {
  const kindOf = (object: PreviewObject) => (object.kind === 'note' && 'end' in object ? 'hold' : object.kind);
  const names = plurals[mode] ?? [];
  return Object.fromEntries(
    names.map(([name, kind]) => [name, objects.filter((object) => kindOf(object) === kind).length]),
  );
}

/** Times to 0.01 ms (a fast ball goes a pixel in 0.2), places to the grid, speeds to what moves a note by less than 0.1 px in its view. Throws where a number is none. */
function rounded(preview: Preview, grid: number): Preview {
  const time = (ms: number) => round(ms, 0.01);
  return {
    ...checked(preview, 'preview'),
    end: time(preview.end),
    scroll: preview.scroll.map(([at, velocity]) => [time(at), round(velocity, 1e-5)]),
    barlines: preview.barlines.map(time),
    sounds: preview.sounds.map(([at, ...rest]) => [time(at), ...rest]),
    objects: preview.objects.map((object) => roundedObject(object, grid)),
  };
}

const places = new Set(['x', 'y', 'path']);

function roundedObject(object: PreviewObject, grid: number): PreviewObject {
  const entries = Object.entries(object).map(([key, value]: [string, unknown]) => {
    const step = places.has(key) ? grid : 0.01;
    if (Array.isArray(value)) return [key, value.map((one: number) => round(one, step))];
    return [key, typeof value === 'number' ? round(value, step) : value];
  });
  return Object.fromEntries(entries) as PreviewObject;
}

/** Whole numbers of steps, without the tail that a product of floats has. */
const round = (value: number, step: number) => Math.round(value / step) / Math.round(1 / step) || 0;

function checked<T>(value: T, path: string): T {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new PreviewError('preview_not_finite', `${path} is not a finite number.`);
  if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) checked(inner as unknown, `${path}.${key}`);
  return value;
}
