import { beforeAll, describe, expect, test } from 'vitest';
import { makeMap } from '../src/worker/engines/builtin/generate.ts';
import { analyseSong, type Song } from '../src/worker/engines/builtin/song.ts';
import { clap, finish, type HitObject } from '../src/worker/engines/builtin/beatmap/hit-objects.ts';
import type { Tick } from '../src/worker/engines/builtin/hearing/grid.ts';
import { planMap, type MapParams } from '../src/worker/engines/builtin/plan.ts';
import { createRandom } from '../src/worker/engines/builtin/random.ts';
import { taiko } from '../src/worker/engines/builtin/taiko/taiko.ts';
import { verifyMap } from '../src/worker/verify/verify.ts';
import { synthesise, wavBytes } from './song.ts';

const bpm = 150;
const beatMs = 60_000 / bpm;
const offsetMs = 700;
const levels = [1.7, 2.4, 3.5, 4.6, 6];

let song: Song;
beforeAll(async () => {
  song = await analyseSong(wavBytes(synthesise({ bpm, offsetMs, seconds: 60 })), { bpm, offset: offsetMs });
});

function compose(params: MapParams, density = 1) {
  const { plan } = planMap({ gamemode: 1, ...params });
  return taiko.compose(song.score, plan, { density, spacing: 1 }, createRandom(params.seed ?? 1));
}
const notes = (params: MapParams, density?: number) =>
  compose(params, density).objects.filter(({ kind }) => kind === 'circle');
const isKat = ({ sound }: HitObject) => (sound & clap) > 0;
const share = <T>(all: readonly T[], is: (one: T, i: number) => boolean) => all.filter(is).length / all.length;
const beatOf = ({ time }: HitObject) => Math.round(((time - offsetMs) / beatMs) * 4) / 4;

describe.each(levels)('a taiko map of %d stars', (difficulty) => {
  test('breaks no rule at any density', () => {
    for (const seed of [1, 2]) {
      const { text, stars } = makeMap(song, { filename: 'a.mp3' }, { gamemode: 1, difficulty, seed });
      expect(verifyMap(text, undefined, { stars }).issues.filter(({ level }) => level === 'blocking')).toEqual([]);
    }
  });

  test('has about as many kats as dons, dons on beat 1 and kats on beats 2 and 4', () => {
    const all = notes({ difficulty });
    expect(share(all, isKat)).toBeGreaterThan(0.42);
    expect(share(all, isKat)).toBeLessThan(0.54);
    expect(
      share(
        all.filter((note) => beatOf(note) % 4 === 0),
        isKat,
      ),
    ).toBeLessThan(0.5);
    expect(
      share(
        all.filter((note) => beatOf(note) % 2 === 1),
        isKat,
      ),
    ).toBeGreaterThan(0.55);
  });

  test('has few finishers, most of them on a downbeat, and none inside a pattern', () => {
    const all = notes({ difficulty });
    const big = all.filter(({ sound }) => (sound & finish) > 0);
    expect(big.length / all.length).toBeGreaterThan(0.015);
    expect(big.length / all.length).toBeLessThan(0.11);
    expect(share(big, (note) => beatOf(note) % 4 === 0)).toBeGreaterThan(0.5);
  });
});

test('runs of quarters have an odd number of notes, and the colour changes within them', () => {
  const all = notes({ difficulty: 5 });
  const quarter = (i: number) => i > 0 && i < all.length && Math.abs(all[i]!.time - all[i - 1]!.time - beatMs / 4) <= 2;
  const runs: number[] = [];
  let [run, changes, pairs] = [1, 0, 0];
  for (let i = 1; i <= all.length; i += 1) {
    if (quarter(i)) {
      run += 1;
      pairs += 1;
      if (isKat(all[i]!) !== isKat(all[i - 1]!)) changes += 1;
    } else {
      if (run > 1) runs.push(run);
      run = 1;
    }
  }
  expect(runs.length).toBeGreaterThan(5);
  expect(share(runs, (length) => length % 2 === 1)).toBeGreaterThanOrEqual(0.8);
  expect(changes / pairs).toBeGreaterThan(0.45);
  expect(changes / pairs).toBeLessThan(0.7);
});

test('halves of a Kantan have one colour', () => {
  const all = notes({ difficulty: 1.7 }, 2);
  const pairs = all.flatMap((note, i) =>
    i > 0 && note.time - all[i - 1]!.time < 0.6 * beatMs ? [[all[i - 1]!, note]] : [],
  );
  expect(pairs.length).toBeGreaterThan(0);
  for (const [a, b] of pairs) expect(isKat(b!)).toBe(isKat(a!));
});

test('a sound that is held gets a drumroll that ends on the grid, whatever the scroll speed', () => {
  const held = 2.5;
  const { grid } = song.score;
  const isStart = ({ bar, place }: Tick) => place === 0 && bar % 8 === 7;
  const ticks = grid.ticks.map((tick, i) => {
    const before = grid.ticks.slice(Math.max(0, i - 4 * held), i);
    return { ...tick, ...(isStart(tick) ? { sustain: held } : before.some(isStart) ? { strength: 0 } : {}) };
  });
  const holding = { ...song, score: { ...song.score, grid: { ...grid, ticks } } };
  const { text, stars } = makeMap(
    holding,
    { filename: 'a.mp3' },
    { gamemode: 1, difficulty: 4.6, scroll_speed_ratio: 0.3 },
  );
  const rolls = text
    .split('[HitObjects]')[1]!
    .split('\r\n')
    .filter((line) => line.split(',')[3] === '2');
  expect(rolls.length).toBeGreaterThan(1);
  // The verifier reads where a slider ends from its length and the scroll speed.
  expect(verifyMap(text, undefined, { stars }).issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  expect(new Set(rolls.map((line) => line.split(',')[7])).size).toBeGreaterThan(1);
});

test('scroll speeds change as often as was asked, by a fifth at most, and not in the low levels', () => {
  for (const ratio of [0.02, 0.2, 1]) {
    const { objects, speeds } = compose({ difficulty: 5, scroll_speed_ratio: ratio });
    const times = objects.filter(({ kind }) => kind === 'circle').length;
    expect(speeds.length).toBe(Math.round(ratio * times));
    expect(speeds.every(({ factor }, i) => factor !== speeds[i - 1]?.factor)).toBe(true);
    for (const { factor } of speeds) expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.2);
  }
  for (const difficulty of [1.7, 2.4]) {
    expect(compose({ difficulty, scroll_speed_ratio: 0.5 }).speeds).toEqual([]);
    expect(planMap({ gamemode: 1, difficulty, scroll_speed_ratio: 0.5 }).warnings).toHaveLength(1);
  }
});

test('descriptors and their negatives move what they name', () => {
  const changes = (params: MapParams) => {
    const all = notes({ difficulty: 4.6, ...params });
    return share(all, (note, i) => i > 0 && isKat(note) !== isKat(all[i - 1]!));
  };
  const big = (params: MapParams) => share(notes({ difficulty: 3.5, ...params }), ({ sound }) => (sound & finish) > 0);
  expect(changes({ descriptors: ['mono-heavy'] })).toBeLessThan(0.7 * changes({}));
  expect(changes({ negative_descriptors: ['mono-heavy'] })).toBeGreaterThan(1.05 * changes({}));
  expect(big({ descriptors: ['finisher-heavy'] })).toBeGreaterThan(1.5 * big({}));
  expect(big({ negative_descriptors: ['finisher-heavy'] })).toBeLessThan(0.5 * big({}));
});

test('another seed gives another map of the same song', () => {
  const key = ({ time, sound }: HitObject) => `${time} ${sound}`;
  const [one, other] = [notes({ difficulty: 5 }), notes({ difficulty: 5, seed: 2 })];
  const keys = new Set(one.map(key));
  expect(share(other, (note) => !keys.has(key(note)))).toBeGreaterThan(0.1);
  expect(notes({ difficulty: 5 })).toEqual(one);
});

test('the drain is gentler in a longer map', () => {
  const hp = (minutes: number) =>
    planMap({ gamemode: 1, difficulty: 3.5 }, { drainMs: minutes * 60_000, bpm: 160 }).plan.hp;
  expect([hp(1), hp(3), hp(4.5), hp(6)]).toEqual([7, 6, 5, 4]);
});

test('a hard swung map has no two notes at one time', () => {
  for (const difficulty of [5.2, 6.8]) {
    const { text } = makeMap(song, { filename: 'a.mp3' }, { gamemode: 1, difficulty, descriptors: ['swing'], seed: 1 });
    expect(verifyMap(text).issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  }
});
