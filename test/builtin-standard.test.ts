import { BeatmapDecoder, SlidableObject } from 'osu-parsers';
import { beforeAll, describe, expect, test } from 'vitest';
import { windowOf } from '../src/worker/engines/builtin/compose.ts';
import { makeMap } from '../src/worker/engines/builtin/generate.ts';
import { analyseSong, type Song } from '../src/worker/engines/builtin/song.ts';
import { endOf, type HitObject, type Point } from '../src/worker/engines/builtin/beatmap/hit-objects.ts';
import { soundsOf } from '../src/worker/engines/builtin/hitsounds.ts';
import { planMap, type MapParams } from '../src/worker/engines/builtin/plan.ts';
import { createRandom } from '../src/worker/engines/builtin/random.ts';
import { standard } from '../src/worker/engines/builtin/standard/standard.ts';
import { verifyMap } from '../src/worker/verify/verify.ts';
import { synthesise, wavBytes } from './song.ts';

let song: Song;
beforeAll(async () => {
  const samples = synthesise({ bpm: 170, offsetMs: 640, seconds: 60 });
  song = await analyseSong(wavBytes(samples), { bpm: 170, offset: 640 });
});

const mapOf = (params: MapParams) => makeMap(song, { filename: 'a.ogg' }, { gamemode: 0, seed: 5, ...params }).text;

/** A map without its file and without the fit, as the composer leaves it. */
function draftOf(params: MapParams, knobs = { density: 1, spacing: 1 }) {
  const { plan } = planMap({ gamemode: 0, ...params });
  const score = windowOf(song.score, 0, Infinity, new Set());
  return standard.compose(score, plan, knobs, createRandom(params.seed ?? 5));
}

type Placed = Extract<HitObject, Point>;
const placedOf = (params: MapParams): Placed[] => draftOf(params).objects.filter((object) => object.kind !== 'spinner');
const share = <T>(items: readonly T[], is: (item: T) => boolean) => items.filter(is).length / items.length;
const sliderShare = (objects: readonly Placed[]) => share(objects, ({ kind }) => kind === 'slider');
const levels = [1.5, 2.4, 3.5, 4.8, 6, 7.5];

/** Where an object is left, as another parser traces its path. */
function endsOf(text: string) {
  return new BeatmapDecoder().decodeFromString(text).hitObjects.map((object) => {
    const head = { x: object.startX, y: object.startY };
    if (!(object instanceof SlidableObject)) return { ...head, time: object.startTime, end: object.startTime, head };
    const tail = object.path.positionAt((object.repeats + 1) % 2);
    const end = object.startTime + object.duration;
    return { x: head.x + tail.x, y: head.y + tail.y, time: object.startTime, end, head };
  });
}

test.each(levels)('a map of %d stars has its stars and breaks no rule', (difficulty) => {
  const { text, stars } = makeMap(song, { filename: 'a.ogg' }, { gamemode: 0, seed: 2, difficulty });
  expect(Math.abs(stars - difficulty)).toBeLessThanOrEqual(0.1);
  const { issues } = verifyMap(text, undefined, { stars });
  expect(issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  expect(issues.length).toBeLessThanOrEqual(3);
});

test.each<MapParams>([
  { difficulty: 5, circle_size: 0, slider_multiplier: 3.6 },
  { difficulty: 1.5, circle_size: 0, slider_multiplier: 0.4 },
  { difficulty: 2.4, circle_size: 10, slider_multiplier: 3.6, approach_rate: 0 },
  { difficulty: 6, circle_size: 7, slider_multiplier: 0.4, descriptors: ['complex sv', 'slider only'] },
])('settings at their ends break no rule either: %o', (params) => {
  const text = mapOf(params);
  expect(verifyMap(text, undefined, {}).issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  const { circle_size: size, slider_multiplier: multiplier } = params;
  expect(text).toContain(`\r\nCircleSize:${size}\r\n`);
  expect(text).toContain(`\r\nSliderMultiplier:${multiplier}\r\n`);
});

describe.each(levels)('what the composer leaves at %d stars', (difficulty) => {
  test('has as many sliders as human maps, and circles and sliders lie inside the playfield', () => {
    const objects = placedOf({ difficulty });
    expect(sliderShare(objects)).toBeGreaterThan(0.25);
    expect(sliderShare(objects)).toBeLessThan(0.82);
    for (const object of objects) {
      for (const { x, y } of object.kind === 'slider' ? object.path.points : [object])
        expect(x >= 0 && x <= 512 && y >= 0 && y <= 384).toBe(true);
    }
  });

  test('has combos that begin on beats and are not long', () => {
    const { objects } = draftOf({ difficulty });
    const beatMs = 60_000 / 170;
    const starts = objects.flatMap(({ newCombo }, i) => (newCombo ? [i] : []));
    const onBeat = (i: number) => {
      const beats = (objects[i]!.time - 640) / beatMs;
      return Math.abs(beats - Math.round(beats)) < 0.02;
    };
    expect(share(starts, onBeat)).toBeGreaterThanOrEqual(0.75);
    const lengths = starts.map((start, i) => (starts[i + 1] ?? objects.length) - start);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(difficulty < 2.7 ? 8 : 10);
  });
});

test.each([1.5, 2.4])('at %d stars the same time is the same distance, so that beginners can read it', (difficulty) => {
  const ends = endsOf(mapOf({ difficulty }));
  const byGap = new Map<number, number[]>();
  ends.slice(1).forEach(({ time, head }, i) => {
    const before = ends[i]!;
    const gap = Math.round((time - before.end) / 20);
    const distance = Math.hypot(head.x - before.x, head.y - before.y);
    if (time - before.end <= 800) byGap.set(gap, [...(byGap.get(gap) ?? []), distance]);
  });
  const even = [...byGap.values()].flatMap((distances) => {
    const middle = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)]!;
    return distances.map((distance) => Math.abs(distance - middle) <= 0.15 * middle + 10);
  });
  expect(share(even, Boolean)).toBeGreaterThanOrEqual(0.98);
});

test('a map of five stars uses the whole playfield', () => {
  const objects = placedOf({ difficulty: 5 });
  const reach = (values: number[]) => Math.max(...values) - Math.min(...values);
  expect(reach(objects.map(({ x }) => x))).toBeGreaterThanOrEqual(0.85 * 512);
  expect(reach(objects.map(({ y }) => y))).toBeGreaterThanOrEqual(0.8 * 384);
});

test('wider spacing moves objects farther apart at the same times', () => {
  const steps = (spacing: number) => {
    const { objects } = draftOf({ difficulty: 5 }, { density: 1, spacing });
    const placed = objects.filter((object) => object.kind !== 'spinner');
    const distances = placed.slice(1).map(({ x, y }, i) => Math.hypot(x - placed[i]!.x, y - placed[i]!.y));
    return { times: objects.map(({ time }) => time), mean: distances.reduce((a, b) => a + b, 0) / distances.length };
  };
  const [narrow, usual, wide] = [steps(0.6), steps(1), steps(1.6)];
  expect(narrow.times).toEqual(wide.times);
  expect(usual.mean).toBeGreaterThan(1.15 * narrow.mean);
  expect(wide.mean).toBeGreaterThan(1.15 * usual.mean);
});

test('another seed has other places', () => {
  const [one, other] = [placedOf({ difficulty: 4, seed: 1 }), placedOf({ difficulty: 4, seed: 2 })];
  const places = new Set(other.map(({ time, x, y }) => `${time}:${x},${y}`));
  expect(share(one, ({ time, x, y }) => places.has(`${time}:${x},${y}`))).toBeLessThan(0.3);
});

test('sliders go faster in the chorus and slower in calm parts from Hard on, and evenly for beginners', () => {
  expect(draftOf({ difficulty: 2.4 }).speeds).toEqual([]);
  const factors = draftOf({ difficulty: 5 }).speeds.map(({ factor }) => factor);
  expect(Math.max(1, ...factors)).toBeLessThanOrEqual(1.25);
  expect(Math.min(1, ...factors)).toBeGreaterThanOrEqual(0.75);
  const complex = draftOf({ difficulty: 5, descriptors: ['complex sv'] }).speeds;
  expect(complex.length).toBeGreaterThan(factors.length + 5);
});

test('a tick sounds the same in every difficulty, claps on the second and fourth beat, finishes on the first', () => {
  const heard = new Map<number, number>();
  for (const difficulty of levels) {
    let additions = 0;
    let edges = 0;
    for (const object of draftOf({ difficulty }).objects) {
      const sounds = object.kind === 'slider' ? object.edgeSounds : [object.sound];
      sounds.forEach((sound, i) => {
        const step = (endOf(object) - object.time) / Math.max(1, sounds.length - 1);
        const time = object.kind === 'spinner' ? endOf(object) : object.time + step * i;
        const beat = (time - 640) / (60_000 / 170);
        const known = [...heard].find(([at]) => Math.abs(at - time) < 3);
        if (known) expect(sound).toBe(known[1]);
        heard.set(time, sound);
        if (sound === 8) expect(Math.round(beat) % 2).toBe(1);
        if (sound === 4) expect(Math.round(beat) % 4).toBe(0);
        edges += 1;
        additions += sound > 0 ? 1 : 0;
      });
    }
    expect(additions / edges).toBeGreaterThanOrEqual(0.4);
    expect(additions / edges).toBeLessThanOrEqual(0.8);
  }
});

test.each([85, 250])(
  'claps lie on the second and fourth beat of a song of %d BPM too, whose grid counts other beats',
  async (bpm) => {
    const beatMs = 60_000 / bpm;
    const odd = await analyseSong(wavBytes(synthesise({ bpm, offsetMs: 640, seconds: 40 })), { bpm, offset: 640 });
    expect(odd.score.grid.tempos[0]!.pulse).not.toBe(1);
    const claps = [...soundsOf(odd.score)]
      .filter(([, sound]) => sound === 8)
      .map(([index]) => odd.score.grid.ticks[index]!);
    expect(claps.length).toBeGreaterThan(10);
    for (const { time } of claps) expect(Math.round((time - 640) / (beatMs / 2)) % 4).toBe(2);
  },
);

/** Movements that turn back sharply, at circles. */
function sharpTurns(objects: readonly Placed[]): number {
  const turns = objects.slice(2).flatMap((after, i) => {
    const [before, at] = [objects[i]!, objects[i + 1]!];
    if (before.kind !== 'circle' || at.kind !== 'circle' || after.time - before.time > 600) return [];
    const turn = Math.atan2(after.y - at.y, after.x - at.x) - Math.atan2(before.y - at.y, before.x - at.x);
    return [Math.acos(Math.cos(turn)) < Math.PI / 3];
  });
  return share(turns, Boolean);
}

test('descriptors do what they say, and negative ones the opposite', () => {
  const [plain, ...others] = ['', 'slider only', 'circle only', 'sharp', 'flow', 'grid snap'].map((name) =>
    placedOf({ difficulty: 5, descriptors: name ? [name] : [] }),
  );
  const [sliders, circles, sharp, flow, snapped] = others as [Placed[], Placed[], Placed[], Placed[], Placed[]];
  expect(sliderShare(sliders)).toBeGreaterThan(sliderShare(plain!) + 0.2);
  expect(sliderShare(circles)).toBe(0);
  expect(sharpTurns(sharp)).toBeGreaterThan(sharpTurns(flow) + 0.15);
  expect(snapped.every(({ x, y }) => x % 16 === 0 && y % 16 === 0)).toBe(true);
  const negative = placedOf({ difficulty: 5, negative_descriptors: ['sharp'] });
  expect(sharpTurns(negative)).toBeLessThan(sharpTurns(sharp));
});

test('descriptors change usual settings, but not those that are given', () => {
  const plan = (params: MapParams) => planMap({ gamemode: 0, difficulty: 5, ...params }).plan;
  const plain = plan({});
  expect(plan({ descriptors: ['precision'] }).cs).toBe(plain.cs + 1.5);
  expect(plan({ descriptors: ['reading'] }).ar).toBeCloseTo(plain.ar - 0.7, 5);
  expect(plan({ descriptors: ['low sv'] }).sliderMultiplier).toBeLessThan(plain.sliderMultiplier);
  expect(plan({ descriptors: ['high sv'] }).sliderMultiplier).toBeGreaterThan(plain.sliderMultiplier);
  expect(plan({ descriptors: ['perfect stacks'] }).stackLeniency).toBeLessThan(plain.stackLeniency);
  const given = plan({ descriptors: ['precision', 'high sv'], circle_size: 3.2, slider_multiplier: 1.1 });
  expect([given.cs, given.sliderMultiplier]).toEqual([3.2, 1.1]);
});
