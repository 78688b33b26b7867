import { BeatmapDecoder, SlidableObject } from 'osu-parsers';
import type { Beatmap, HitObject } from 'osu-classes';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeMap } from '../src/worker/engines/builtin/generate.ts';
import { analyseSong, type Song } from '../src/worker/engines/builtin/song.ts';
import type { MapParams } from '../src/worker/engines/builtin/plan.ts';
import { verifyMap } from '../src/worker/verify/verify.ts';
import { synthesise, wavBytes } from './song.ts';

let song: Song;
const tempos = [75, 170, 260];
const songs = new Map<number, Song>();
beforeAll(async () => {
  for (const bpm of tempos) {
    const samples = synthesise({ bpm, offsetMs: 640, seconds: 45 });
    songs.set(bpm, await analyseSong(wavBytes(samples), { bpm, offset: 640 }));
  }
  song = songs.get(170)!;
});

const mapOf = (params: MapParams, from = song) =>
  makeMap(from, { filename: 'a.ogg' }, { gamemode: 2, seed: 5, ...params }).text;

interface Fruit {
  x: number;
  time: number;
}

/** Fruits and droplets as another parser reads them; times of a slider's parts by the rules of ppy/osu's SliderEventGenerator. */
function fruitsOf(text: string): { map: Beatmap; fruits: Fruit[] } {
  const map = new BeatmapDecoder().decodeFromString(text);
  const fruits = map.hitObjects.flatMap((object) => {
    if (object instanceof SlidableObject) return partsOf(object, map);
    return isShower(object) ? [] : [{ x: object.startX, time: object.startTime }];
  });
  return { map, fruits: fruits.sort((a, b) => a.time - b.time) };
}

const isShower = (object: HitObject) => (object.hitType & 8) > 0;

function partsOf(slider: SlidableObject, { difficulty, controlPoints }: Beatmap): Fruit[] {
  const { path, startTime, startX } = slider;
  const { beatLength } = controlPoints.timingPointAt(startTime);
  const { sliderVelocity } = controlPoints.difficultyPointAt(startTime);
  const velocity = (100 * difficulty.sliderMultiplier * sliderVelocity) / beatLength;
  const tick = (velocity * beatLength) / difficulty.sliderTickRate;
  const span = path.distance / velocity;
  const parts: Fruit[] = [{ x: startX, time: startTime }];
  for (let n = 0; n <= slider.repeats; n += 1) {
    const start = startTime + n * span;
    const at = (share: number) => ({
      x: startX + path.positionAt(share).x,
      time: start + (n % 2 === 0 ? share : 1 - share) * span,
    });
    for (let px = tick; px < path.distance - velocity * 10; px += tick) parts.push(at(px / path.distance));
    parts.push(at(n % 2 === 0 ? 1 : 0));
  }
  return parts;
}

const halfPlate = (cs: number) => (106.75 * (1 - (0.7 * (cs - 5)) / 5)) / 2;

/** What a catcher does who can be anywhere that is reached in time: misses, movements and which of them are hyperdashes. */
function play({ map, fruits }: ReturnType<typeof fruitsOf>, speed: number) {
  const half = halfPlate(map.difficulty.circleSize);
  let [low, high] = [0, 512];
  let [way, excess] = [0, half];
  let [missed, hypers, dashes, turns] = [0, 0, 0, 0];
  fruits.forEach(({ x, time }, i) => {
    const before = fruits[i - 1];
    let hyper = false;
    if (before) {
      const [gap, px] = [time - before.time, Math.abs(x - before.x)];
      const towards = x > before.x ? 1 : -1;
      const left = Math.trunc(time) - Math.trunc(before.time) - 1000 / 240 - px + (towards === way ? excess : half);
      hyper = left < 0;
      excess = hyper ? half : Math.min(half, left);
      if (hyper) hypers += 1;
      else if (px - 0.8 * half > 0.5 * gap) dashes += 1;
      if (towards !== way && px > 8) turns += 1;
      way = towards;
      [low, high] = hyper ? [x, x] : [low - speed * gap, high + speed * gap];
    }
    [low, high] = [Math.max(low, x - 0.8 * half), Math.min(high, x + 0.8 * half)];
    if (low <= high) return;
    missed += 1;
    [low, high] = [x - 0.8 * half, x + 0.8 * half];
  });
  const movements = fruits.length - 1;
  return { missed, hyper: hypers / movements, dash: dashes / movements, turn: turns / movements };
}

const played = (params: MapParams) => play(fruitsOf(mapOf(params)), 1);
const blockingOf = (text: string) => verifyMap(text).issues.filter(({ level }) => level === 'blocking');
const kinds = ({ hitObjects }: Beatmap) => ({
  all: hitObjects.length,
  sliders: hitObjects.filter((object) => object instanceof SlidableObject).length,
  showers: hitObjects.filter(isShower).length,
});

describe('every fruit and droplet is caught by a perfect player, inside the playfield and without a blocking issue', () => {
  const settings: MapParams[] = [
    {},
    { circle_size: 0, slider_multiplier: 0.4, slider_tick_rate: 0.5 },
    { circle_size: 10, slider_multiplier: 3.6, slider_tick_rate: 8 },
    { circle_size: 5.5, slider_multiplier: 2.2, slider_tick_rate: 4, approach_rate: 0 },
  ];
  test.each([1.6, 2.4, 3.4, 4.9, 7])('at %d stars', (difficulty) => {
    for (const [n, params] of settings.entries()) {
      const from = songs.get(tempos[(n + Math.floor(difficulty)) % tempos.length]!)!;
      const text = mapOf({ ...params, difficulty }, from);
      const read = fruitsOf(text);
      expect(play(read, 1).missed, JSON.stringify(params)).toBe(0);
      expect(read.fruits.every(({ x }) => x >= 0 && x <= 512)).toBe(true);
      expect(blockingOf(text)).toEqual([]);
    }
  });
});

test('a Cup is caught without a dash, a Salad without a hyperdash', () => {
  expect(play(fruitsOf(mapOf({ difficulty: 1.8 })), 0.5).missed).toBe(0);
  const salad = played({ difficulty: 2.5 });
  expect(salad.hyper).toBe(0);
  expect(salad.dash).toBeGreaterThan(0.02);
});

test('hyperdashes and dashes are as frequent as in ranked maps of the level', () => {
  const [platter, rain, overdose] = [3.4, 4.7, 6].map((difficulty) => played({ difficulty }));
  expect(platter!.hyper).toBeGreaterThan(0.03);
  expect(platter!.hyper).toBeLessThan(0.13);
  expect(rain!.hyper).toBeGreaterThan(0.09);
  expect(rain!.hyper).toBeLessThan(0.29);
  expect(overdose!.hyper).toBeGreaterThan(0.2);
  expect(overdose!.hyper).toBeLessThan(0.45);
  for (const { dash } of [platter!, rain!]) expect(dash).toBeGreaterThan(0.08);
});

test('sliders have the share of their level, and one to four showers of bananas stand apart', () => {
  for (const [difficulty, share] of [
    [1.8, 0.63],
    [3.4, 0.54],
    [4.7, 0.45],
  ] as const) {
    const { all, sliders, showers } = kinds(fruitsOf(mapOf({ difficulty })).map);
    expect(Math.abs(sliders / all - share)).toBeLessThan(0.12);
    expect(showers).toBeGreaterThanOrEqual(1);
    expect(showers).toBeLessThanOrEqual(4);
  }
});

test('combos hold no more catch objects than the level allows', () => {
  for (const [difficulty, most] of [
    [1.8, 8],
    [2.5, 10],
    [3.4, 12],
    [6, 16],
  ] as const) {
    const { map } = fruitsOf(mapOf({ difficulty, slider_tick_rate: 2 }));
    let count = 0;
    for (const object of map.hitObjects) {
      if (object.hitType & 4 || isShower(object)) count = 0;
      count += object instanceof SlidableObject ? partsOf(object, map).length : isShower(object) ? 0 : 1;
      expect(count).toBeLessThanOrEqual(most);
    }
  }
});

test('another seed puts at least three objects in ten elsewhere, the same seed none', () => {
  const [one, again, other] = [1, 1, 2].map((seed) => mapOf({ difficulty: 4.5, seed }));
  expect(again).toBe(one);
  const places = (text: string) =>
    new Map(fruitsOf(text).map.hitObjects.map(({ startTime, startX }) => [startTime, startX]));
  const [first, second] = [places(one!), places(other!)];
  const elsewhere = [...first].filter(([time, x]) => Math.abs((second.get(time) ?? Infinity) - x) > 8);
  expect(elsewhere.length / first.size).toBeGreaterThanOrEqual(0.3);
});

describe('descriptors', () => {
  const difficulty = 5;
  const counted = (params: MapParams) => kinds(fruitsOf(mapOf({ difficulty, ...params })).map);

  test('no hyperdashes', () => {
    expect(played({ difficulty: 4.2, descriptors: ['no hyperdashes'] }).hyper).toBe(0);
  });

  test('only sliders, only fruits', () => {
    const [sliders, fruits] = [counted({ descriptors: ['slider only'] }), counted({ descriptors: ['circle only'] })];
    expect(sliders.sliders + sliders.showers).toBe(sliders.all);
    expect(fruits.sliders).toBe(0);
  });

  test('more showers', () => {
    expect(counted({ descriptors: ['spinner-heavy'] }).showers).toBeGreaterThan(counted({}).showers);
  });

  test('flow turns less than antiflow', () => {
    const [flow, antiflow] = ['flow', 'antiflow'].map((name) => played({ difficulty, descriptors: [name] }).turn);
    expect(antiflow! - flow!).toBeGreaterThan(0.1);
  });
});
