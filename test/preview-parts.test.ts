/// <reference lib="dom" />
import { expect, test } from 'vitest';
import { createClock } from '../src/web/preview/clock.ts';
import { preemptMs } from '../src/web/preview/drawing.ts';
import { soundNames } from '../src/web/preview/hit-sounds.ts';
import { createPlate } from '../src/web/preview/plate.ts';
import { createScroll } from '../src/web/preview/scroll.ts';
import { ballAlong, createPath } from '../src/web/preview/slider.ts';
import { createVisible } from '../src/web/preview/visible.ts';

test('the clock goes evenly where the audio tells its time in steps of 40 ms', () => {
  const song = { currentTime: 0, paused: false, seeking: false } as HTMLAudioElement;
  const clock = createClock(song, 0);
  clock.join();
  const start = performance.now();
  let last = 0;
  for (let now = 0; now < 20_000; now += 16.7) {
    song.currentTime = (Math.floor(now / 40) * 40) / 1000;
    const time = clock.time(start + now);
    if (now > 1000) {
      expect(Math.abs(time - now)).toBeLessThanOrEqual(20);
      expect(time - last).toBeGreaterThan(8);
    }
    last = time;
  }
});

test('the clock stands with a song that waits for the network', () => {
  const song = { currentTime: 0, paused: false, seeking: false } as HTMLAudioElement;
  const clock = createClock(song, 0);
  clock.join();
  const start = performance.now();
  for (let now = 0; now <= 2000; now += 10) {
    song.currentTime = Math.min(now, 1000) / 1000;
    clock.time(start + now);
  }
  expect(clock.time(start + 5000)).toBeLessThanOrEqual(1020);
});

test('what is visible is what a look at all finds', () => {
  let state = 7;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const items = Array.from({ length: 500 }, (_, index) => ({
    time: index * 20,
    ahead: 100 + random() * 2000,
    long: random() < 0.05 ? random() * 5000 : 50,
  }));
  const span = ({ time, ahead, long }: (typeof items)[number]): [number, number] => [time - ahead, time + long];
  const visible = createVisible(items, span);
  for (let time = -3000; time < 16_000; time += 97) {
    const all = items.filter((item) => span(item)[0] <= time && time <= span(item)[1]);
    expect(visible(time)).toEqual(all);
  }
  expect(createVisible([], span)(0)).toEqual([]);
});

test('what has been covered and the time for it undo each other, across changes of speed', () => {
  const { covered, timeAt, velocity } = createScroll({
    scroll: [
      [1000, 0.4],
      [2000, 0.8],
      [2500, 0.1],
      [3000, 0.4],
    ],
    end: 20_000,
  });
  // The usual velocity is that of the longest line, so a second at twice of it counts twice.
  expect(covered(2500) - covered(2000)).toBeCloseTo(1000);
  expect(covered(12_000) - covered(11_000)).toBeCloseTo(1000);
  expect([0, 1500, 2200, 2700, 5000].map(velocity)).toEqual([0.4, 0.4, 0.8, 0.1, 0.4]);
  for (let time = -2000; time < 9000; time += 333) expect(timeAt(covered(time))).toBeCloseTo(time, 6);
});

test('the plate waits, walks and is there in time', () => {
  const plate = createPlate([
    { kind: 'fruit', time: 1000, x: 100, colour: 0 },
    { kind: 'fruit', time: 3000, x: 200, colour: 0, hyper: true },
    { kind: 'fruit', time: 3200, x: 500, colour: 0 },
  ]);
  expect(plate(0).x).toBe(100);
  expect(plate(2700).x).toBe(100);
  expect(plate(2900).x).toBeCloseTo(150);
  expect(plate(3000)).toEqual({ x: 200, hyper: true });
  expect(plate(3100)).toEqual({ x: 350, hyper: true });
  expect(plate(9000).x).toBe(500);
});

test('the ball turns at the end of each span, and goes evenly round a corner', () => {
  const slider = {
    kind: 'slider' as const,
    time: 0,
    end: 3000,
    path: [0, 0, 100, 0, 100, 300],
    spans: 3,
    ticks: [],
    combo: 1,
    colour: 0,
  };
  const path = createPath(slider);
  const place = (time: number) => {
    const { x, y } = path.at(ballAlong(slider, time).share);
    return [Math.round(x), Math.round(y)];
  };
  expect([-50, 0, 250, 500, 1000, 1750, 2000, 3000, 4000].map(place)).toEqual([
    [0, 0],
    [0, 0],
    [100, 0],
    [100, 100],
    [100, 300],
    [100, 0],
    [0, 0],
    [100, 300],
    [100, 300],
  ]);
});

test('objects appear as the wiki says', () => {
  expect([0, 5, 8, 9, 10].map(preemptMs)).toEqual([1800, 1200, 750, 600, 450]);
});

test('a hit is its bank’s sound and its additions', () => {
  expect(soundNames(false, 0, 2)).toEqual(['soft-hit']);
  expect(soundNames(false, 14, 3)).toEqual(['drum-hit', 'drum-whistle', 'drum-finish', 'drum-clap']);
  expect(soundNames(false, 1, 1)).toEqual(['tick']);
  expect([0, 8, 4, 12].map((additions) => soundNames(true, additions, 1)[0])).toEqual([
    'don',
    'kat',
    'big-don',
    'big-kat',
  ]);
});
