/// <reference lib="dom" />
import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Preview } from '../src/shared/preview.ts';
import { makeMap } from './player-maps.ts';
import { clickSong, servePlayer, startChromium } from './player-page.ts';

const SECONDS = 80;
const MODES = [0, 1, 2, 3] as const;

let served: Awaited<ReturnType<typeof servePlayer>>;
let chromium: Awaited<ReturnType<typeof startChromium>>;

beforeAll(async () => {
  served = await servePlayer({ '/song.wav': clickSong(SECONDS, [1000, 2000]) });
  chromium = await startChromium();
});
afterAll(async () => {
  await chromium.close();
  served.close();
});

test('what the page loads for the player is small', async ({ annotate }) => {
  const folder = new URL('../dist/web/assets/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.startsWith('player-'));
  const sizes = await Promise.all(files.map(async (name) => gzipSync(await readFile(new URL(name, folder))).length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  await annotate(`player: ${(total / 1000).toFixed(1)} kB gz`);
  expect(files.length).toBe(2);
  expect(total).toBeLessThan(15_000);
});

describe('the field', () => {
  let page: Page;
  beforeAll(async () => {
    page = await chromium.open(served.url);
  });
  afterAll(() => page.close());

  /** Draws one moment, and reads the colours at these places: red, green, blue, opacity. */
  const colours = (preview: Preview, time: number, [width, height]: [number, number], places: [number, number][]) =>
    page.evaluate(
      async ({ preview, time, width, height, places }) => {
        const canvas = new OffscreenCanvas(width, height);
        const draw = await window.createField(preview);
        draw(canvas, time);
        return places.map(([x, y]) => [
          ...canvas.getContext('2d')!.getImageData(Math.round(x), Math.round(y), 1, 1).data,
        ]);
      },
      { preview, time, width, height, places },
    );
  const painted = (preview: Preview, time: number) =>
    page.evaluate(
      async ({ preview, time }) => {
        const canvas = new OffscreenCanvas(640, 480);
        const draw = await window.createField(preview);
        draw(canvas, time);
        return canvas
          .getContext('2d')!
          .getImageData(0, 0, 640, 480)
          .data.reduce((sum, value) => sum + value, 0);
      },
      { preview, time },
    );

  test.each(MODES)('mode %i shows its objects', async (mode) => {
    const map = makeMap(mode);
    for (const time of [1000, 9300, 20_050]) {
      const difference = (await painted(map, time)) - (await painted({ ...map, objects: [], barlines: [] }, time));
      expect(Math.abs(difference), `at ${time} ms`).toBeGreaterThan(100_000);
    }
  });

  const EMPTY = [0, 0, 0, 0];
  /** Circle size 4: a radius of 36.48. Approach rate 9: 600 ms. At 640 × 480 a pixel of the canvas is one of the game's. */
  const STANDARD: [number, number] = [640, 480];
  const at = (x: number, y: number): [number, number] => [x + 64, y + 48];

  test('an approach ring is at 2.5 radiuses half-way, and at the circle at its time', async () => {
    const map = {
      ...makeMap(0),
      objects: [{ kind: 'circle' as const, time: 5000, x: 100, y: 300, combo: 1, colour: 0 }],
    };
    const spots = [at(100 - 36.48 * 2.5, 300), at(100 - 36.48 * 1.8, 300), at(100 - 36.48 * 0.9, 300)];
    const [half, between, edge] = await colours(map, 4700, STANDARD, spots);
    expect(half![3]).toBeGreaterThan(100);
    expect(between).toEqual(EMPTY);
    expect(edge![0]).toBeGreaterThan(200);
    const [, , closed] = await colours(map, 4999, STANDARD, spots);
    expect(closed!.slice(0, 3)).toEqual([255, 255, 255]);
    expect((await colours(map, 4390, STANDARD, spots)).flat().every((value) => value === 0)).toBe(true);
  });

  test('the ball goes to and fro evenly', async () => {
    const path = [100, 200, 400, 200];
    const slider = { kind: 'slider' as const, time: 5000, end: 7000, path, spans: 2, ticks: [], combo: 1, colour: 2 };
    const map = { ...makeMap(0), objects: [slider] };
    const ball = [0x8d, 0xff, 0x7a];
    for (const [time, x] of [
      [5250, 175],
      [5500, 250],
      [5900, 370],
      [6250, 325],
      [6900, 130],
    ] as const) {
      const [here, behind] = await colours(map, time, STANDARD, [at(x, 200), at(x < 250 ? x + 100 : x - 100, 200)]);
      expect(here!.slice(0, 3), `at ${time} ms`).toEqual(ball);
      expect(behind![1]).toBeLessThan(200);
    }
  });

  test('taiko notes scroll by the velocity at their time, and kat differs from don', async () => {
    const objects = [
      { kind: 'note' as const, time: 5000, kat: false, big: false },
      { kind: 'note' as const, time: 5500, kat: true, big: false },
    ];
    const scroll: Preview['scroll'] = [
      [0, 0.3],
      [5400, 0.6],
    ];
    const map = { ...makeMap(1), objects, scroll };
    // 1240 × 200 px is a lane of 1240 × 200 units with the target at 190.
    const don = 190 + 400 * 0.3 * 1.4;
    const kat = 190 + 900 * 0.6 * 1.4;
    const [donDot, donSkin, katHole, katRing] = await colours(
      map,
      4600,
      [1240, 200],
      [
        [don, 100],
        [don + 18, 100],
        [kat, 100],
        [kat + 15, 100],
      ],
    );
    expect(donDot).toEqual([255, 255, 255, 255]);
    expect(donSkin!.slice(0, 3)).toEqual([0xeb, 0x55, 0x45]);
    expect(katHole!.slice(0, 3)).toEqual([0x4a, 0xa8, 0xd8]);
    expect(katRing!.slice(0, 3)).toEqual([255, 255, 255]);
  });

  test('fruits fall by the approach rate to the plate, which is there', async () => {
    const objects = [
      { kind: 'fruit' as const, time: 5000, x: 100, colour: 1 },
      { kind: 'fruit' as const, time: 6000, x: 400, colour: 1, hyper: true as const },
    ];
    const map = { ...makeMap(2), objects };
    // 560 × 430 px: the field begins 24 px from the left, the plate's line is 60 px above the bottom.
    const [fruit, elsewhere] = await colours(
      map,
      4700,
      [560, 430],
      [
        [124, 370 - 170],
        [124, 370 - 240],
      ],
    );
    expect(fruit!.slice(0, 3)).toEqual([0x5a, 0xd1, 0xff]);
    expect(elsewhere).toEqual(EMPTY);
    for (const [time, x] of [
      [5000, 100],
      [6000, 400],
    ] as const) {
      const [plate, beside] = await colours(
        map,
        time,
        [560, 430],
        [
          [24 + x + 30, 382],
          [24 + x + 60, 382],
        ],
      );
      expect(plate![3], `at ${time} ms`).toBe(255);
      expect(beside).toEqual(EMPTY);
    }
  });

  test('mania notes fall together, and a hold is held on the line', async () => {
    const objects = [
      { kind: 'note' as const, time: 5000, column: 0 },
      { kind: 'note' as const, time: 5000, column: 3, end: 5400 },
    ];
    const scroll: Preview['scroll'] = [[0, 0.4]];
    const map = { ...makeMap(3), objects, scroll, barlines: [] };
    // 600 × 500 px: columns of 74 px from 41 on, the line at 430; a note falls for 500 ms.
    const column = (index: number) => 41 + 74 * (index + 0.5);
    const down = (until: number) => 430 * (1 - until / 500);
    const [note, above, hold] = await colours(
      map,
      4800,
      [600, 500],
      [
        [column(0), down(200) - 5],
        [column(0), down(200) - 40],
        [column(3), down(200) - 40],
      ],
    );
    expect(note!.slice(0, 3)).toEqual([0xe9, 0xec, 0xf5]);
    expect(above![0]).toBeLessThan(60);
    expect(hold![0]).toBeGreaterThan(100);
    const [held, tail, gone] = await colours(
      map,
      5200,
      [600, 500],
      [
        [column(3), 425],
        [column(3), down(200) - 3],
        [column(3), down(200) - 25],
      ],
    );
    expect(held!.slice(0, 3)).toEqual([0xff, 0xcf, 0x5a]);
    expect(tail![0]).toBeGreaterThan(150);
    expect(gone![0]).toBeLessThan(60);
  });

  test.for(MODES)('a frame of a dense map of mode %i costs little', async (mode, { annotate }) => {
    // 10 objects a second and more, for four minutes.
    const map = makeMap(mode, { seconds: 240, perBeat: 4, keys: 10 });
    const costs = await page.evaluate(async (preview) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [900, 675];
      document.body.append(canvas);
      const draw = await window.createField(preview);
      const spent: number[] = [];
      for (let time = 60_000; time < 65_000; time += 1000 / 60) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        draw(canvas, time, false);
        spent.push(performance.now() - start);
      }
      canvas.remove();
      return spent.sort((one, other) => one - other);
    }, map);
    const p95 = costs[Math.floor(costs.length * 0.95)]!;
    await annotate(
      `mode ${mode}: frame p95 ${p95.toFixed(1)} ms, max ${costs.at(-1)!.toFixed(1)} ms, n ${costs.length}`,
    );
    expect(p95).toBeLessThanOrEqual(4);
  });
});
