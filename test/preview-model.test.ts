import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { CatchObject, Preview, StandardObject, TaikoObject } from '../src/shared/preview.ts';
import { createJobs, exists } from '../src/shared/jobs.ts';
import type { JobRequest } from '../src/shared/request.ts';
import { keepPreview } from '../src/worker/preview/keep.ts';
import { makePreview } from '../src/worker/preview/preview.ts';
import { browserShiftMs } from '../src/worker/engines/builtin/audio/mp3-header.ts';
import { startService, withFixtureModel } from './service.ts';
import { oggBytes, synthesise } from './song.ts';
import { circle, mapText, times, type Change } from './verify-map.ts';

/** The preview of a map of the given objects; AR 5 is 1200 ms, CS 4 a circle of 36.48 px, and stacked ones are 3.648 px apart. */
function previewOf(mode: Preview['mode'], objects: string[], change: Change = () => undefined): Preview {
  const text = mapText(mode, 'Normal', (map) => {
    map.objects = objects;
    change(map);
  });
  return makePreview(text, 0);
}

const only = <K extends string>(kind: K, objects: Preview['objects']) =>
  objects.filter((object) => object.kind === kind) as Extract<Preview['objects'][number], { kind: K }>[];

describe('osu!', () => {
  test('circles that lie on each other are moved up and left, the first one furthest', () => {
    const { objects } = previewOf(0, [
      circle(1000, 100, 100),
      circle(1250, 100, 100),
      circle(1500, 102, 100),
      circle(9000, 100, 100),
    ]);
    expect(only('circle', objects).map(({ x, y }) => [x, y])).toEqual([
      [92.7, 92.7],
      [96.4, 96.4],
      [102, 100],
      [100, 100],
    ]);
  });

  test('a circle on the end of a slider is moved down and right', () => {
    const { objects } = previewOf(0, ['100,100,1000,2,0,L|240:100,1,140', circle(1700, 240, 100)]);
    expect(objects[1]).toMatchObject({ x: 243.6, y: 103.6 });
  });

  test('a slider goes there and back at the speed of its line, with its ticks', () => {
    // 140 px a beat of 500 ms; at half the speed 210 px take 1500 ms, and a tick comes every 70 px.
    const [slider] = only(
      'slider',
      previewOf(0, ['100,100,2000,2,0,L|310:100,2,210'], (map) => map.timing.push('1500,-200,4,1,0,60,0,0')).objects,
    );
    expect(slider).toEqual({
      kind: 'slider',
      time: 2000,
      end: 5000,
      path: [100, 100, 310, 100],
      spans: 2,
      ticks: [2500, 3000, 4000, 4500],
      combo: 1,
      colour: 1,
    });
  });

  test('a curve keeps its shape within half a pixel and loses most of its points', () => {
    const [slider] = only('slider', previewOf(0, ['100,200,1000,2,0,P|200:100|300:200,1,314']).objects);
    const points = Array.from(
      { length: slider!.path.length / 2 },
      (_, i) => slider!.path.slice(2 * i, 2 * i + 2) as [number, number],
    );
    expect(points.length).toBeLessThan(30);
    const middles = points.slice(1).map(([x, y], i) => [(x + points[i]![0]) / 2, (y + points[i]![1]) / 2] as const);
    for (const [x, y] of [...points, ...middles])
      expect(Math.abs(Math.hypot(x - 200, y - 200) - 100)).toBeLessThan(0.6);
  });

  test('a slider that is written longer than its anchors goes straight on', () => {
    const [slider] = only('slider', previewOf(0, ['100,100,1000,2,0,L|200:100,1,140']).objects);
    expect(slider!.path).toEqual([100, 100, 240, 100]);
  });

  test('combos are numbered, coloured from the second colour on, and begin anew after a spinner and a break', () => {
    const lines = [
      circle(1000, 50),
      circle(1500, 150),
      '250,100,2000,5,0,0:0:0:0:',
      '256,192,2500,12,0,3000',
      circle(3500, 50),
      '350,100,4000,21,0,0:0:0:0:',
      circle(9000, 50),
    ];
    const { objects, colours } = previewOf(0, lines, (map) => map.events.push('2,4200,8800'));
    expect(colours).toEqual(['#ff80a0', '#60c0ff']);
    expect(objects.map((one) => ('combo' in one ? [one.combo, one.colour] : one.kind))).toEqual([
      [1, 1],
      [2, 1],
      [1, 0],
      'spinner',
      [1, 1],
      [1, 1], // a new combo that leaves one colour out
      [1, 0],
    ]);
  });

  test('a map without colours has the four of the game', () => {
    const { colours } = previewOf(0, [circle(1000)], (map) => (map.colours = []));
    expect(colours).toEqual(['#ffc000', '#00ca00', '#127cff', '#f21839']);
  });

  test('every hit is heard with the bank and volume of its line, ticks softly', () => {
    const lines = [
      circle(1000, 100, 100, 2),
      '100,300,2000,2,0,L|380:300,1,280,4|8,0:0|3:0,0:0:0:0:',
      '256,192,5000,12,8,6000,0:0:0:30:',
    ];
    const { sounds } = previewOf(0, lines, (map) => map.timing.push('1998,-100,4,2,0,40,0,0'));
    expect(sounds).toEqual([
      [1000, 2, 1, 60],
      [2000, 4, 2, 40], // the line is 2 ms before, as rounding leaves it
      [2500, 1, 2, 40],
      [3000, 8, 3, 40],
      [6000, 8, 2, 30],
    ]);
  });
});

describe('taiko', () => {
  test('notes are told by their sounds; rolls and swells last as long as written', () => {
    const lines = [
      circle(1000, 256, 192, 0),
      circle(1500, 256, 192, 8),
      circle(2000, 256, 192, 2),
      circle(2500, 256, 192, 12),
      '256,192,3000,2,4,L|396:192,2,140',
      '256,192,6000,12,0,7000',
    ];
    const { objects, counts, sounds } = previewOf(1, lines);
    const note = { kind: 'note', kat: false, big: false } as const;
    expect(objects).toEqual([
      { ...note, time: 1000 },
      { ...note, time: 1500, kat: true },
      { ...note, time: 2000, kat: true },
      { ...note, time: 2500, kat: true, big: true },
      { kind: 'drumroll', time: 3000, end: 4000, big: true },
      { kind: 'swell', time: 6000, end: 7000 },
    ] satisfies TaikoObject[]);
    expect(counts).toEqual({ notes: 4, drumrolls: 1, swells: 1 });
    expect(sounds.slice(0, 4).map(([, additions]) => additions)).toEqual([0, 8, 8, 12]);
    expect(sounds.filter(([time]) => time >= 3000).map(([time]) => time)).toEqual(times(3000, 4000, 125));
  });

  test('a change of speed is there from its line on, and a red line takes it back', () => {
    const { scroll, barlines, timing } = previewOf(1, [circle(1000), circle(9000)], (map) => {
      map.timing = ['0,500,4,1,0,60,1,0', '2000,-50,4,1,0,60,0,0', '4000,-50,4,1,0,60,0,1', '6000,400,3,1,0,60,1,0'];
    });
    expect(scroll).toEqual([
      [0, 0.28],
      [2000, 0.56],
      [6000, 0.35],
    ]);
    expect(timing).toEqual([
      { time: 0, beat_ms: 500, meter: 4 },
      { time: 6000, beat_ms: 400, meter: 3 },
    ]);
    expect(barlines.slice(0, 6)).toEqual([0, 2000, 4000, 6000, 6000, 7200]);
  });
});

describe('catch', () => {
  /** The game's random numbers (xorshift of 1337), from 0 to 1. */
  function* random() {
    let [x, y, z, w] = [1337, 842_502_087, 3_579_807_591, 273_326_509];
    for (;;) {
      const t = (x ^ (x << 11)) >>> 0;
      [x, y, z] = [y, z, w];
      w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
      yield (w & 0x7fffffff) / 2 ** 31;
    }
  }

  test('a banana shower rains where chance has it, each banana taking four numbers', () => {
    const { objects, sounds } = previewOf(2, ['256,192,1000,12,0,2000,0:0:0:0:']);
    const numbers = random();
    const next = () => numbers.next().value as number;
    const expected = times(1000, 2000, 62.5).map((time) => {
      const x = Math.round(next() * 5120) / 10;
      for (let i = 0; i < 3; i++) next();
      return { kind: 'banana', time, x, colour: 0 };
    });
    expect(objects).toEqual(expected as CatchObject[]);
    expect(sounds).toEqual(expected.map(({ time }) => [time, 1, 1, 60]));
  });

  test('a stream has fruits at its edges, droplets at its ticks, and tiny ones strewn by up to 20 px', () => {
    const { objects, counts } = previewOf(2, ['100,192,1000,2,0,L|380:192,1,280']);
    expect(counts).toEqual({ fruits: 2, droplets: 1, tiny_droplets: 14, bananas: 0 });
    expect(only('fruit', objects).map(({ time, x }) => [time, x])).toEqual([
      [1000, 100],
      [2000, 380],
    ]);
    expect(only('droplet', objects)).toEqual([{ kind: 'droplet', time: 1500, x: 240, colour: 1 }]);
    const numbers = random();
    const tiny = only('tiny', objects).filter(({ time }) => time < 1500);
    expect(tiny.map(({ time }) => time)).toEqual(times(1062.5, 1437.5, 62.5));
    tiny.forEach(({ time, x }) => {
      const strewn = Math.trunc(-20 + (numbers.next().value as number) * 40);
      expect(x).toBeCloseTo(100 + 0.28 * (time - 1000) + strewn, 0);
    });
  });

  test('the fruit before a gap that no dash bridges is marked', () => {
    const { objects } = previewOf(2, [circle(1000, 0), circle(1100, 500), circle(1900, 500)]);
    expect(objects.map((one) => (one as CatchObject).hyper ?? false)).toEqual([true, false, false]);
  });
});

describe('mania', () => {
  test('notes and holds stand in their columns', () => {
    const { objects, counts, settings } = previewOf(3, [
      circle(1000, 64),
      circle(1000, 448),
      '192,192,2000,128,0,2500:0:0:0:0:',
    ]);
    expect(objects).toEqual([
      { kind: 'note', time: 1000, column: 0 },
      { kind: 'note', time: 1000, column: 3 },
      { kind: 'note', time: 2000, column: 1, end: 2500 },
    ]);
    expect(counts).toEqual({ notes: 2, holds: 1 });
    expect(settings.keys).toBe(4);
  });
});

test('kiai and breaks are those that are written, and the density counts each second', () => {
  const preview = previewOf(0, [circle(1200), circle(1700), circle(9000)], (map) => {
    map.timing.push(
      '2000,-100,4,1,0,60,0,1',
      '3000,-50,4,1,0,60,0,1',
      '5000,-100,4,1,0,60,0,0',
      '8500,-100,4,1,0,60,0,1',
    );
    map.events.push('2,3000,8000');
  });
  expect(preview.kiai).toEqual([
    [2000, 5000],
    [8500, 9000],
  ]);
  expect(preview.breaks).toEqual([[3000, 8000]]);
  expect(preview.density).toEqual([0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(preview.end).toBe(9000);
  expect(previewOf(0, [circle(1000), circle(30_000)]).breaks).toEqual([]);
});

test('formats before 5 are heard 24 ms later', () => {
  const text = mapText(0, 'Normal', (map) => (map.objects = [circle(1000)])).replace('v14', 'v4');
  const preview = makePreview(text, 0);
  expect([preview.objects[0]!.time, preview.timing[0]!.time]).toEqual([1024, 24]);
});

describe('no preview', () => {
  const code = (text: string) => {
    try {
      makePreview(text, 0);
    } catch (error) {
      return (error as { code?: string }).code;
    }
    return 'a preview';
  };

  test.each([
    ['an empty text', '', 'preview_unreadable'],
    ['an archive', 'PK\u0003\u0004…', 'preview_unreadable'],
    ['no timing', mapText(0, 'Normal', (map) => (map.timing = [])), 'preview_unreadable'],
    ['only green lines', mapText(0, 'Normal', (map) => (map.timing = ['0,-100,4,1,0,60,0,0'])), 'preview_unreadable'],
    ['no objects', mapText(3, 'Normal', (map) => (map.objects = [])), 'preview_empty'],
    [
      'a volume that is no number',
      mapText(0, 'Normal', (map) => (map.timing = ['0,500,4,1,0,loud,1,0'])),
      'preview_not_finite',
    ],
    [
      'bars without an end',
      mapText(3, 'Normal', (map) => (map.timing = ['0,500,1e999,1,0,60,1,0'])),
      'preview_not_finite',
    ],
    ['an object after days', mapText(1, 'Normal', (map) => map.objects.push(circle(200_000_000))), 'preview_too_large'],
    [
      'sliders of a million ticks',
      mapText(0, 'Normal', (map) => {
        map.difficulty.SliderTickRate = 8000;
        map.objects = times(1000, 50_000, 1000).map((time) => `0,0,${time},2,0,L|512:0,1,512`);
      }),
      'preview_too_large',
    ],
  ])('of %s', (_what, text, expected) => {
    expect(code(text)).toBe(expected);
  });

  test('of a map with more objects than a page should load', () => {
    const objects = times(0, 3_000_000, 20).map((time, i) => circle(time, (i * 7919) % 512, (i * 104_729) % 384));
    expect(code(mapText(0, 'Normal', (map) => (map.objects = objects)))).toBe('preview_too_large');
  });
});

test('a map that would be too large is shown in whole pixels', () => {
  const objects = times(0, 800_000, 250).map(
    (time, i) =>
      `${(i * 7919) % 500},${(i * 104_729) % 380},${time},2,0,B|${(i * 31) % 500}:${(i * 57) % 380}|${(i * 91) % 500}:${(i * 37) % 380},1,97`,
  );
  const preview = makePreview(
    mapText(0, 'Normal', (map) => (map.objects = objects)),
    0,
  );
  expect(gzipSync(JSON.stringify(preview)).length).toBeLessThanOrEqual(120_000);
  expect(
    (preview.objects as StandardObject[]).every((one) => !('path' in one) || one.path.every(Number.isInteger)),
  ).toBe(true);
});

test('a browser hears an mp3 later than the game where it does not know the encoder of its tag', () => {
  const mp3 = (encoder: string, delay: number) => {
    const bytes = new Uint8Array(600);
    bytes.set([0xff, 0xfb, 0x90, 0x00]);
    bytes.set(Buffer.from(`Info\0\0\0\0${encoder}`), 36);
    bytes.set([delay >> 4, (delay & 15) << 4], 36 + 8 + 21);
    return bytes;
  };
  expect(browserShiftMs(mp3('LAME3.100', 576))).toBe(0);
  expect(browserShiftMs(mp3('iTunes 10', 576))).toBeCloseTo(25.06, 2);
  expect(browserShiftMs(mp3('LAME3.100', 0))).toBeCloseTo(-12, 2);
  expect(browserShiftMs(new Uint8Array(600))).toBe(0);
});

describe('what our own generator writes', () => {
  const program = fileURLToPath(new URL('../dist/worker/engines/builtin/main.js', import.meta.url));
  const song = oggBytes(synthesise({ bpm: 170, offsetMs: 500, seconds: 60 }));

  async function generate(gamemode: number): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'preview-'));
    const paths = { request: join(folder, 'request.json'), audio: join(folder, 'song'), out: join(folder, 'out') };
    await writeFile(paths.audio, await song);
    await writeFile(
      paths.request,
      JSON.stringify({ audio: { filename: 'a.ogg' }, params: { bpm: 170, difficulty: 5, gamemode } }),
    );
    const args = [program, '--request', paths.request, '--audio', paths.audio, '--out', paths.out];
    const child = spawn(process.execPath, args, { env: {}, stdio: ['ignore', 'ignore', 'inherit'] });
    await new Promise((resolve) => child.once('close', resolve));
    const map = (await readdir(paths.out)).find((name) => name.endsWith('.osu'));
    return readFile(join(paths.out, map!), 'utf8');
  }

  test.each([0, 1, 2, 3] as const)('is shown, within 40 kB for four minutes, in mode %i', async (mode) => {
    const text = await generate(mode);
    const preview = makePreview(text, 0);
    expect(preview.mode).toBe(mode);
    const written = text.slice(text.indexOf('[HitObjects]')).trim().split('\r\n').length - 1;
    const counted = mode === 2 ? null : preview.objects.length;
    if (counted !== null) expect(counted).toBe(written);
    else expect(only('fruit', preview.objects).length).toBeGreaterThan(written / 2);
    expect(preview.stars).toBeGreaterThan(0);
    expect(preview.sounds.length).toBeGreaterThanOrEqual(written / 2);
    expect(gzipSync(JSON.stringify(preview)).length).toBeLessThan(10_000); // a minute
  });
});

describe('a job', () => {
  const id = '01890000-0000-7000-8000-000000000001';
  const request = { id, audio: { path: 'audio_storage/x.ogg', format: 'ogg' } } as JobRequest;

  async function written(text: string) {
    const dataDir = await mkdtemp(join(tmpdir(), 'preview-'));
    const jobs = createJobs(dataDir);
    await jobs.prepare();
    await mkdir(jobs.folder(id));
    await mkdir(jobs.outputs(id));
    await writeFile(join(jobs.outputs(id), 'map.osu'), text);
    const warned: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void warned.push(line) });
    await keepPreview(jobs, log, jobs.outputs(id), request, 2);
    return { jobs, warned };
  }

  test('keeps the preview of its attempt, and loses it with its files', async () => {
    const { jobs, warned } = await written(mapText(1, 'Normal'));
    expect(warned).toEqual([]);
    const preview = JSON.parse(await readFile(jobs.preview(id, 2), 'utf8')) as Preview;
    expect(preview).toMatchObject({ version: 1, mode: 1, audio_shift_ms: 0, counts: { notes: 81 } });
    await jobs.expire(id, { state: 'succeeded', finishedAt: 0, attempt: 2, warnings: [] });
    expect(await exists(jobs.preview(id, 2))).toBe(false);
  });

  test('whose map cannot be shown has none, and the log says why', async () => {
    const { jobs, warned } = await written(mapText(0, 'Normal', (map) => (map.objects = [])));
    expect(await exists(jobs.preview(id, 2))).toBe(false);
    expect(warned.join()).toContain('preview_empty');
  });

  test('that a worker has run has one before it is called done', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const { body } = await service.submit({ title: 'any' });
    await service.until(body['job_id'] as string, 'succeeded');
    const preview = await readFile(join(service.data, 'jobs', body['job_id'] as string, 'preview-1.json'), 'utf8');
    expect(JSON.parse(preview)).toMatchObject({ version: 1, objects: expect.any(Array) as unknown });
  });
});
