import { FastRandom } from 'osu-classes';
import type { CatchObject } from '../../shared/preview.ts';
import type { Beatmap } from '../verify/beatmap.ts';
import { halfPlate, walk } from '../verify/catch-movement.ts';
import type { MapObject, SliderShape } from '../verify/hit-object.ts';
import { combosOf } from './combos.ts';
import { assertFew } from './preview-error.ts';
import { lengthOf, type PartsOf, type SliderPart } from './slider-parts.ts';

/** px */
const width = 512;
/** ms that the game takes off each gap: a quarter of a frame. */
const grace = 1000 / 60 / 4;
/** The seed that the game strews droplets and bananas with. */
const seed = 1337;
/** Of one shower; a minute and more. */
const mostBananas = 2000;

/**
 * What falls, where the game makes it fall (ppy/osu, JuiceStream, BananaShower and CatchBeatmapProcessor): fruits and droplets on the slider's
 * path, tiny droplets strewn about it, bananas anywhere; and from which fruit on the catcher must hyperdash.
 */
export function catchObjects(map: Beatmap, partsOf: PartsOf): CatchObject[] {
  const random = new FastRandom(seed);
  const combos = combosOf(map);
  const falling: CatchObject[] = [];
  map.objects.forEach((object, i) => {
    const colour = object.kind === 'spinner' ? 0 : (combos[i]?.colour ?? 0); // a banana has its own
    for (const part of partsThatFall(object, partsOf, random)) falling.push({ ...part, colour });
    assertFew(falling.length);
  });
  falling.sort((a, b) => a.time - b.time);
  markHyperdashes(falling, halfPlate(map.cs));
  return falling;
}

const inside = (x: number) => Math.min(width, Math.max(0, x));

type Falling = Omit<CatchObject, 'colour'>;

function partsThatFall(object: MapObject, partsOf: PartsOf, random: FastRandom): Falling[] {
  if (object.kind === 'spinner') return bananas(object, random);
  if (!object.slider) return [{ kind: 'fruit', time: object.time, x: inside(object.x) }];
  return stream(object, object.slider, partsOf(object.slider, object), random);
}

function stream(object: MapObject, slider: SliderShape, parts: readonly SliderPart[], random: FastRandom): Falling[] {
  const along = walk(slider.path);
  const way = lengthOf(slider);
  const xAt = (progress: number) => inside(object.x) - object.x + along(Math.min(1, Math.max(0, progress)) * way).x;
  const made: Falling[] = [];
  parts.forEach((part, i) => {
    const before = parts[i - 1];
    if (before) {
      for (const tiny of tinyBetween(before, part, xAt)) made.push(tiny);
      assertFew(made.length);
    }
    if (part.kind === 'last tick') return;
    made.push({ kind: part.kind === 'tick' ? 'droplet' : 'fruit', time: part.time, x: xAt(part.progress) });
  });
  made.sort((a, b) => a.time - b.time);
  for (const part of made) {
    if (part.kind === 'tiny') part.x += Math.min(width - part.x, Math.max(-part.x, random.nextInt(-20, 20)));
    else if (part.kind === 'droplet') random.next(); // the game turns it by chance
    part.x = inside(part.x);
  }
  return made;
}

/** Tiny droplets fill each gap of more than 80 ms, at most 100 ms from each other. */
function tinyBetween(from: SliderPart, to: SliderPart, xAt: (progress: number) => number): Falling[] {
  const gap = Math.trunc(to.time) - Math.trunc(from.time);
  const tiny: Falling[] = [];
  if (gap <= 80) return tiny;
  const step = halvedTo100(gap);
  assertFew(gap / step);
  for (let t = step; t < gap; t += step)
    tiny.push({ kind: 'tiny', time: from.time + t, x: xAt(from.progress + (t / gap) * (to.progress - from.progress)) });
  return tiny;
}

function bananas({ time, end }: MapObject, random: FastRandom): Falling[] {
  const step = Math.fround(halvedTo100(end - time));
  const shower: Falling[] = [];
  const last = Math.trunc(end);
  for (let at = Math.trunc(time); step > 0 && at <= last && shower.length < mostBananas; at = Math.fround(at + step)) {
    shower.push({ kind: 'banana', time: at, x: random.nextDouble() * width });
    for (let i = 0; i < 3; i++) random.next(); // its kind, turn and colour
  }
  return shower;
}

function halvedTo100(ms: number): number {
  let step = ms;
  while (step > 100) step /= 2;
  return step;
}

/** The catcher runs 1 px/ms; what it has to spare it keeps while it goes on in the same direction. */
function markHyperdashes(falling: readonly CatchObject[], half: number) {
  const caught = falling.filter(({ kind }) => kind === 'fruit' || kind === 'droplet');
  let direction = 0;
  let excess = half;
  caught.forEach((now, i) => {
    const next = caught[i + 1];
    if (!next) return;
    const towards = next.x > now.x ? 1 : -1;
    const ms = Math.trunc(next.time) - Math.trunc(now.time) - grace;
    const spare = Math.fround(ms - (Math.abs(next.x - now.x) - (towards === direction ? excess : half)));
    if (spare < 0) now.hyper = true;
    excess = spare < 0 ? half : Math.min(half, spare);
    direction = towards;
  });
}
