/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeMap } from './player-maps.ts';
import { clickMp3, clickSong, servePlayer, startChromium } from './player-page.ts';

const SECONDS = 90;
/** Without a tag that says how much to cut off, an mp3 is heard as much later as its encoder and decoder look back: 576 + 529 samples. */
const MP3_DELAY = 1105 / 44.1;
let served: Awaited<ReturnType<typeof servePlayer>>;
let chromium: Awaited<ReturnType<typeof startChromium>>;
let page: Page;

beforeAll(async () => {
  const seconds = Array.from({ length: SECONDS - 1 }, (_, index) => 1000 * (index + 1));
  served = await servePlayer({ '/song.wav': clickSong(SECONDS, []), '/song.mp3': await clickMp3(SECONDS, seconds) });
  chromium = await startChromium();
});
afterEach(() => page.close());
afterAll(async () => {
  await chromium.close();
  served.close();
});

const slider = () => page.getByRole('slider', { name: 'Timeline' });
const secondNow = async () => Number(await slider().getAttribute('aria-valuenow'));

describe('the clock', () => {
  /** Plays, and returns how far the clock was from the audio at each frame, ms; a seek to a random place at each of `seeks` frames. */
  const compare = (seconds: number, seeks: number, shiftMs = 0) =>
    page.evaluate(
      async ({ preview, seconds, seeks }) => {
        const { playback, audio } = await window.createPlayback(preview, '/song.wav');
        const frames = async (count: number, look: () => void) => {
          for (let frame = 0; frame < count; frame++) {
            await new Promise(requestAnimationFrame);
            look();
          }
        };
        const apart: number[] = [];
        const times: number[] = [];
        const look = () => {
          times.push(playback.time());
          apart.push(Math.abs(audio.currentTime * 1000 - preview.audio_shift_ms - playback.time()));
        };
        await playback.play();
        for (let seek = 0; seek < seeks; seek++) {
          playback.seek(1000 + ((seek * 37_000) % 80_000));
          await frames(60, look);
        }
        const backwards = seeks ? 0 : times.filter((time, index) => time < (times[index - 1] ?? time)).length;
        const until = performance.now() + seconds * 1000;
        while (performance.now() < until) await frames(10, look);
        playback.close();
        return { most: Math.max(...apart), backwards, frames: apart.length, last: times.at(-1) };
      },
      { preview: { ...makeMap(0, { seconds: SECONDS }), audio_shift_ms: shiftMs }, seconds, seeks },
    );

  test('is the audio within 20 ms for 60 s', { timeout: 100_000 }, async ({ annotate }) => {
    page = await chromium.open(served.url);
    await page.mouse.click(5, 5);
    const run = await compare(61, 0);
    await annotate(`60 s: ${JSON.stringify(run)}`);
    expect(run.last).toBeGreaterThan(60_000);
    expect(run.frames).toBeGreaterThan(1000);
    expect(run.most).toBeLessThanOrEqual(20);
    expect(run.backwards).toBe(0);
  });

  test('is the audio within 20 ms after 5 seeks', async ({ annotate }) => {
    page = await chromium.open(served.url);
    await page.mouse.click(5, 5);
    const run = await compare(1, 5, 26);
    await annotate(`5 seeks: ${JSON.stringify(run)}`);
    expect(run.most).toBeLessThanOrEqual(20);
  });

  test('is within 20 ms of what is heard of an mp3, after 5 seeks', async ({ annotate }) => {
    page = await chromium.open(served.url);
    await page.mouse.click(5, 5);
    const off = await page.evaluate(
      async (preview) => {
        const { playback, audio } = await window.createPlayback(preview, '/song.mp3');
        const context = new AudioContext();
        // What comes out of the element, 6 ms at a time; a click is where it is loud.
        const ear = context.createScriptProcessor(256, 1, 1);
        const heard: number[] = [];
        ear.onaudioprocess = ({ inputBuffer }) => {
          if (!inputBuffer.getChannelData(0).some((sample) => Math.abs(sample) > 0.2)) return;
          const time = playback.time();
          if (!(time - heard.at(-1)! < 500)) heard.push(time);
        };
        context.createMediaElementSource(audio).connect(ear).connect(context.destination);
        await playback.play();
        const all: number[] = [];
        for (const place of [10_400, 49_400, 25_400, 83_400, 60_400]) {
          playback.seek(place);
          heard.length = 0;
          await new Promise((resolve) => setTimeout(resolve, 2500));
          all.push(...heard);
        }
        playback.close();
        // Clicks are at whole seconds.
        return all.map((time) => ((time + 500) % 1000) - 500);
      },
      { ...makeMap(0), audio_shift_ms: MP3_DELAY },
    );
    await annotate(`heard off by ${off.map((each) => each.toFixed(0)).join(', ')} ms`);
    expect(off.length).toBeGreaterThanOrEqual(8);
    expect(Math.max(...off.map(Math.abs))).toBeLessThanOrEqual(20);
  });

  test('has the song decoded when somebody first plays it, and not before', async () => {
    page = await chromium.open(served.url);
    const fetches: string[] = [];
    page.on('request', (request) => request.resourceType() === 'fetch' && fetches.push(request.url()));
    const states = await page.evaluate(async (preview) => {
      const { playback, audio } = await window.createPlayback(preview, '/song.mp3');
      while (playback.song.value === 'loading') await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = new URL(audio.src).protocol;
      playback.seek(20_000);
      const asked = performance.getEntriesByType('resource').length;
      await playback.play();
      const after = new URL(audio.src).protocol;
      const fetched = performance.getEntriesByType('resource').length > asked;
      const time = playback.time();
      playback.close();
      return { before, after, fetched, time };
    }, makeMap(0));
    expect(states).toMatchObject({ before: 'http:', after: 'blob:', fetched: true });
    expect(Math.abs(states.time - 20_000)).toBeLessThan(1000);
    expect(fetches.filter((url) => url.endsWith('.mp3'))).toHaveLength(1);
  });

  test('plays the song as it is where its samples cannot be opened', async () => {
    page = await chromium.open(served.url);
    const heard = await page.evaluate(async (preview) => {
      const real = URL.createObjectURL;
      URL.createObjectURL = () => real(new Blob(['no sound'], { type: 'audio/wav' }));
      const { playback, audio } = await window.createPlayback(preview, '/song.mp3');
      playback.seek(20_000);
      await playback.play();
      await new Promise((resolve) => setTimeout(resolve, 500));
      const state = { song: playback.song.value, source: audio.src, time: playback.time() };
      playback.close();
      return state;
    }, makeMap(0));
    expect(heard).toMatchObject({ song: 'there', source: `${served.url}song.mp3` });
    expect(heard.time).toBeGreaterThan(20_200);
  });

  test('is behind the audio by the shift, so that an object is due when its sound is heard', async () => {
    page = await chromium.open(served.url);
    const heardAt = await page.evaluate(
      async (preview) => {
        const { playback, audio } = await window.createPlayback(preview, '/song.wav');
        playback.seek(5000);
        while (playback.song.value === 'loading') await new Promise((resolve) => setTimeout(resolve, 20));
        return [audio.currentTime, playback.time()];
      },
      { ...makeMap(0), audio_shift_ms: 26 },
    );
    expect(heardAt[0]).toBeCloseTo(5.026, 3);
    expect(heardAt[1]).toBeCloseTo(5000, 0);
  });
});

describe('hit sounds', () => {
  test('are handed over ahead and are due when their object is, also after a seek and at another speed', async ({
    annotate,
  }) => {
    page = await chromium.open(served.url);
    await page.mouse.click(5, 5);
    const runs = await page.evaluate(
      async (preview) => {
        const { playback } = await window.createPlayback(preview, '/song.wav');
        // What is written down here is what the browser is really asked to play.
        const struck: { due: number; ahead: number }[] = [];
        const start = AudioBufferSourceNode.prototype.start;
        AudioBufferSourceNode.prototype.start = function (when = 0) {
          const { contextTime, performanceTime } = (this.context as AudioContext).getOutputTimestamp();
          // The limiter behind it takes 6 ms.
          const at = performanceTime! + (when - contextTime!) * 1000 + 6;
          struck.push({
            due: playback.time() + (at - performance.now()) * playback.rate.value,
            ahead: at - performance.now(),
          });
          start.call(this, when);
        };
        const listen = async (ms: number) => {
          // Not what is heard while the song itself starts.
          await new Promise((resolve) => setTimeout(resolve, 500));
          struck.length = 0;
          await new Promise((resolve) => setTimeout(resolve, ms));
          return [...struck];
        };
        await playback.play();
        const first = await listen(3000);
        playback.seek(30_000);
        const sought = await listen(2000);
        playback.setRate(1.5);
        const faster = await listen(2000);
        playback.pause();
        const paused = await listen(500);
        playback.close();
        return { first, sought, faster, paused };
      },
      makeMap(3, { seconds: SECONDS }),
    );
    expect(runs.paused).toEqual([]);
    for (const run of [runs.first, runs.sought, runs.faster]) {
      expect(run.length).toBeGreaterThan(8);
      // Objects are at 1000 + n × 200 ms.
      const off = run.map(({ due }) => Math.abs(((due - 1000 + 100) % 200) - 100));
      await annotate(`hit sounds: off by at most ${Math.max(...off).toFixed(1)} ms, n ${off.length}`);
      expect(Math.max(...off)).toBeLessThanOrEqual(10);
    }
    const ahead = runs.first.map((each) => each.ahead);
    expect(Math.min(...ahead)).toBeGreaterThan(20);
  });

  test('every sound is heard and none is too loud', async () => {
    page = await chromium.open(served.url);
    const loud = await page.evaluate(async () => {
      const sounds = await window.makeSounds(new OfflineAudioContext(1, 44_100, 44_100));
      return [...sounds].map(([name, buffer]) => [name, Math.max(...buffer.getChannelData(0).map(Math.abs))] as const);
    });
    expect(loud.length).toBe(17);
    for (const [name, peak] of loud) {
      expect(peak, name).toBeGreaterThan(0.05);
      expect(peak, name).toBeLessThanOrEqual(1.2);
    }
  });
});

describe('the player', () => {
  const open = async (
    options: Parameters<typeof chromium.open>[1] = {},
    song = '/song.wav',
    mode: 0 | 1 | 2 | 3 = 0,
  ) => {
    page = await chromium.open(served.url, options);
    await page.evaluate(([map, url]) => window.showPlayer(map, url, 'en'), [
      makeMap(mode, { seconds: 60 }),
      song,
    ] as const);
    await page.waitForFunction(() => document.querySelector('canvas')!.width > 0);
    if (song === '/song.wav')
      await expect.poll(() => slider().getAttribute('aria-valuemax'), { timeout: 10_000 }).toBe(String(SECONDS));
  };
  /** What was drawn since the last time, in calls that clear a canvas. */
  const drawn = () =>
    page.evaluate(async () => {
      let count = 0;
      const clear = CanvasRenderingContext2D.prototype.clearRect;
      CanvasRenderingContext2D.prototype.clearRect = function (...place) {
        count++;
        clear.apply(this, place);
      };
      await new Promise((resolve) => setTimeout(resolve, 600));
      CanvasRenderingContext2D.prototype.clearRect = clear;
      return count;
    });

  test('is silent and still until somebody asks, and draws nothing while nothing changes', async () => {
    await open();
    await page.waitForTimeout(500);
    expect(await drawn()).toBe(0);
    expect(await page.getByRole('button', { name: 'Play' }).count()).toBe(1);
    await page.getByRole('button', { name: 'Play' }).click();
    expect(await drawn()).toBeGreaterThan(20);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForTimeout(100);
    expect(await drawn()).toBe(0);
  });

  test('is played by keys alone', async () => {
    await open();
    const shown = (name: string) => page.getByRole('button', { name }).waitFor({ timeout: 5000 });
    await page.keyboard.press('Tab');
    expect(await slider().evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await slider().evaluate((element) => getComputedStyle(element).outlineStyle)).toBe('solid');
    await page.keyboard.press('End');
    await expect.poll(secondNow).toBe(SECONDS);
    await page.keyboard.press('Home');
    await expect.poll(secondNow).toBe(0);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('PageUp');
    await expect.poll(secondNow).toBe(20);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(secondNow).toBe(15);
    expect(await slider().getAttribute('aria-valuetext')).toBe('0:15 of 1:30');
    await page.keyboard.press('.');
    await page.keyboard.press('Space');
    await expect.poll(secondNow, { timeout: 5000 }).toBeGreaterThan(15);
    await shown('Pause');
    await page.keyboard.press('Space');
    await shown('Play');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await shown('Pause');
  });

  test('tells in words what the picture shows', async () => {
    await open({}, '/song.wav', 3);
    const said = () =>
      page.getByRole('img').evaluate((canvas) => {
        const summary = document.getElementById(canvas.getAttribute('aria-describedby')!);
        return [canvas.getAttribute('aria-label'), summary!.textContent];
      });
    const map = makeMap(3, { seconds: 60 });
    const [label, summary] = await said();
    expect(label).toBe('Made by hand [Insane]');
    for (const part of ['osu!mania map', '5.23 stars', '1:00 long', `Notes: ${map.objects.length}`, 'No breaks'])
      expect(summary).toContain(part);
    expect(summary).toContain(`with ${Math.max(...map.density)} objects a second`);
    await page.evaluate((shown) => window.showPlayer(shown, '/song.wav', 'zh'), {
      ...map,
      breaks: [[1, 2]] as [number, number][],
    });
    await expect.poll(async () => (await said())[1]).toContain('休息段 1 处');
  });

  test('goes where the timeline is pressed and dragged', async () => {
    await open();
    const box = (await slider().boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 10);
    await page.mouse.down();
    await expect.poll(secondNow).toBe(SECONDS / 2);
    await page.mouse.move(box.x + box.width / 3, box.y + 200);
    await page.mouse.up();
    await expect.poll(secondNow).toBe(SECONDS / 3);
  });

  test('without a song says so, and the map can be looked through and run in silence', async () => {
    await open({}, '/none.wav');
    await expect.poll(() => page.getByRole('status').innerText()).toContain('cannot be played');
    await slider().press('Home');
    await slider().press('ArrowRight');
    await expect.poll(secondNow).toBe(5);
    await page.getByRole('button', { name: 'Play' }).click();
    await expect.poll(secondNow, { timeout: 5000 }).toBeGreaterThan(6);
    await slider().press('End');
    await expect.poll(() => page.getByRole('button', { name: 'Play' }).count()).toBe(1);
  });

  test('remembers the volumes', async () => {
    await open();
    await page.getByLabel(/Hits volume/).fill('0.2');
    await page.getByRole('button', { name: 'Mute' }).click();
    await page.reload();
    await page.waitForFunction(() => 'showPlayer' in window);
    await page.evaluate((map) => window.showPlayer(map, '/song.wav', 'zh'), makeMap(3));
    expect(await page.getByLabel(/打击音音量/).inputValue()).toBe('0.2');
    expect(await page.getByRole('button', { name: '取消静音' }).count()).toBe(1);
    expect(await page.getByLabel(/下落速度/).count()).toBe(1);
  });

  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  /** What axe minds of the player, as `rule: where`. */
  const violations = () =>
    page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run(selector: string): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const found = await axe.run('.preview');
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });

  test.each([
    [320, 'light'],
    [320, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('at %i px in %s: nothing for axe, no scroll to the side, large targets', async (width, colorScheme) => {
    await open({ viewport: { width, height: 800 }, colorScheme }, '/none.wav');
    await page.evaluate(axe);
    for (const mode of [0, 1, 2, 3] as const) {
      await page.evaluate((map) => window.showPlayer(map, '/none.wav', 'en'), makeMap(mode));
      await expect.poll(() => page.getByRole('status').innerText()).not.toBe('');
      expect(await violations()).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      const sizes = await page
        .locator('.preview :is(button, input, [role=slider])')
        .evaluateAll((all) =>
          all.map((each) => each.getBoundingClientRect()).flatMap(({ width, height }) => [width, height]),
        );
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(44);
    }
  });

  test('with reduced motion shows no glow that is not the map', async () => {
    page = await chromium.open(served.url);
    const [calm, lively] = await page.evaluate(async (preview) => {
      const draw = await window.createField({ ...preview, objects: [] });
      return [true, false].map((still) => {
        const canvas = new OffscreenCanvas(640, 480);
        draw(canvas, 7410, still);
        return canvas
          .getContext('2d')!
          .getImageData(0, 0, 640, 480)
          .data.some((value) => value > 0);
      });
    }, makeMap(0));
    expect([calm, lively]).toEqual([false, true]);
  });
});
