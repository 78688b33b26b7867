import { beforeAll, describe, expect, test } from 'vitest';
import type { Score } from '../src/worker/engines/builtin/compose.ts';
import { analyseSong } from '../src/worker/engines/builtin/song.ts';
import type { Tick } from '../src/worker/engines/builtin/hearing/grid.ts';
import { planMap, type MapParams, type Mode } from '../src/worker/engines/builtin/plan.ts';
import { chooseRhythm } from '../src/worker/engines/builtin/rhythm/rhythm.ts';
import { synthesise, wavBytes } from './song.ts';

const bpm = 160;
const offsetMs = 700;
const timing = { bpm, offset: offsetMs };
const modes: Mode[] = [0, 1, 2, 3];
const starsOfLevels = [1.5, 2.3, 3.3, 4.6, 6, 7.5];

let score: Score;
beforeAll(async () => {
  const song = synthesise({ bpm, offsetMs, seconds: 60 });
  // Nothing is heard from 30 s to 38 s.
  song.fill(0, 30 * 44_100, 38 * 44_100);
  ({ score } = await analyseSong(wavBytes(song), timing));
});

const planOf = (params: MapParams) => planMap(params).plan;
const rhythm = (params: MapParams, perSecond: number) => chooseRhythm(score, planOf(params), perSecond);
const ticksOf = (params: MapParams, perSecond: number) => rhythm(params, perSecond).map(({ tick }) => tick);
const quarterShare = (ticks: readonly Tick[]) => ticks.filter(({ phase }) => phase === 2).length / ticks.length;

test.each(modes)('a denser rhythm has all events of a sparser one, in order and each once (mode %i)', (gamemode) => {
  let before: Tick[] = [];
  for (const perSecond of [0.5, 1, 2, 2.1, 3, 5, 8, 30]) {
    const ticks = ticksOf({ gamemode, difficulty: 5 }, perSecond);
    expect(ticks).toEqual(expect.arrayContaining(before));
    expect(ticks.every((tick, i) => i === 0 || tick.index > ticks[i - 1]!.index)).toBe(true);
    before = ticks;
  }
});

test('there are as many events a second as asked, and a small step adds one', () => {
  const counts = Array.from({ length: 40 }, (_, n) => ticksOf({ difficulty: 5 }, 3 + n * 0.02).length);
  expect(counts[0]! / 51).toBeCloseTo(3, 0);
  for (const [n, count] of counts.slice(1).entries()) expect(count - counts[n]!).toBeLessThanOrEqual(2);
  expect(counts.at(-1)! - counts[0]!).toBeGreaterThan(30);
});

/** Most ticks in a row that follow one another at most this many ms apart. */
function longestChain(ticks: readonly Tick[], ms: number): number {
  let longest = 0;
  let length = 0;
  ticks.forEach((tick, i) => {
    length = i > 0 && tick.time - ticks[i - 1]!.time <= ms + 2 ? length + 1 : 1;
    longest = Math.max(longest, length);
  });
  return longest;
}

const beatMs = 60_000 / bpm;

describe.each([2, 4, 8, 30])('at %d events a second', (perSecond) => {
  test.each([
    [0, [2, 4, Infinity, Infinity, Infinity, Infinity], [1, 1, 5, 9, 17, 33]],
    [1, [2, 7, Infinity, Infinity, Infinity, Infinity], [1, 1, 5, 9, 17, 33]],
    [2, [4, 13, Infinity, Infinity, Infinity, Infinity], [1, 1, 7, 17, 33, 65]],
    [3, [5, Infinity, Infinity, Infinity, Infinity, Infinity], [2, 5, 33, 65, 129, 257]],
  ])('runs keep to what the level allows (mode %i)', (gamemode, halves, quarters) => {
    starsOfLevels.forEach((difficulty, level) => {
      const ticks = ticksOf({ gamemode, difficulty }, perSecond);
      expect(longestChain(ticks, beatMs / 2)).toBeLessThanOrEqual(halves[level]!);
      expect(longestChain(ticks, beatMs / 4)).toBeLessThanOrEqual(quarters[level]!);
    });
  });

  test('taiko has a rest as often as its level asks', () => {
    for (const [level, [beats, every]] of [
      [3, 36],
      [2, 36],
      [1.5, 36],
      [1, 20],
    ].entries()) {
      const ticks = ticksOf({ gamemode: 1, difficulty: starsOfLevels[level]! }, perSecond);
      let rested = ticks[0]!.time;
      ticks.forEach((tick, i) => {
        const before = ticks[i - 1];
        if (before && tick.time - before.time >= beats! * beatMs - 2) rested = tick.time;
        expect(tick.time - rested).toBeLessThanOrEqual(every! * beatMs + 2);
      });
    }
  });
});

test('quarters stand between beats and halves, so that runs have an odd length', () => {
  const runs = [...new Set(rhythm({ gamemode: 1, difficulty: 5 }, 6).map(({ run }) => run))].filter(
    ({ length }) => length > 1,
  );
  expect(runs.length).toBeGreaterThan(10);
  expect(runs.filter(({ length }) => length % 2 === 1).length / runs.length).toBeGreaterThan(0.8);
});

test('beats come before halves and halves before quarters, on the whole', () => {
  const shares = [1.5, 3, 5, 8].map((perSecond) => {
    const ticks = ticksOf({ difficulty: 5 }, perSecond);
    return [0, 1, 2].map((phase) => ticks.filter((tick) => tick.phase === phase).length / ticks.length);
  });
  expect(shares[0]![0]).toBeGreaterThan(0.8);
  expect(shares[1]![2]).toBeLessThan(0.1);
  expect(shares[3]![2]).toBeGreaterThan(shares[2]![2]!);
});

test('nothing is mapped before the first attack, after the last, or where nothing is heard', () => {
  for (const gamemode of modes) {
    const times = ticksOf({ gamemode, difficulty: 5 }, 30).map(({ time }) => time);
    expect(times[0]).toBeGreaterThanOrEqual(offsetMs - 1);
    expect(times.at(-1)).toBeLessThan(60_000);
    expect(times.filter((time) => time > 30_500 && time < 37_500)).toEqual([]);
  }
});

test('loud bars are fuller than calm ones, more so with contrast', () => {
  const ratio = (params: MapParams) => {
    const times = ticksOf({ difficulty: 4, ...params }, 5).map(({ time }) => time);
    const perSecond = (from: number, to: number) =>
      times.filter((time) => time >= from && time < to).length / (to - from);
    return perSecond(16_000, 29_000) / perSecond(1_000, 14_000);
  };
  expect(ratio({})).toBeGreaterThan(1.15);
  expect(ratio({ descriptors: ['high contrast'] })).toBeGreaterThan(ratio({}));
});

test('streams bring quarters, jumps and simple maps do without', () => {
  const share = (...descriptors: string[]) => quarterShare(ticksOf({ difficulty: 5, descriptors }, 5));
  expect(share('streams')).toBeGreaterThan(1.2 * share());
  for (const other of ['jumps', 'simple']) {
    expect(share(other)).toBeLessThanOrEqual(share());
    expect(share('streams', other)).toBeLessThan(share('streams'));
  }
});

test('bars that sound alike get the same rhythm', () => {
  const masks = new Map<number, string>();
  for (const { bar, place } of ticksOf({ difficulty: 4 }, 4)) masks.set(bar, `${masks.get(bar) ?? ''} ${place}`);
  const again = [...masks.values()].filter((mask, i, all) => all.indexOf(mask) < i).length;
  expect(again / masks.size).toBeGreaterThan(0.45);
});
