import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { BeatmapDecoder } from 'osu-parsers';
import * as rosu from 'rosu-pp-js';
import { beforeAll, describe, expect, test } from 'vitest';
import { mp3Bytes, oggBytes, synthesise, wavBytes } from './song.ts';

const program = fileURLToPath(new URL('../dist/worker/engines/builtin/main.js', import.meta.url));
const bpm = 150;
const song = synthesise({ bpm, offsetMs: 700, seconds: 60 });

interface Run {
  code: number | null;
  lines: Record<string, unknown>[];
  files: string[];
  folder: string;
  osu: string;
}

/** One run of the program as a worker makes it. */
async function run(
  params: Record<string, unknown>,
  bytes?: Uint8Array,
  audio: Record<string, string> = {},
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'generate-'));
  const paths = { request: join(folder, 'request.json'), audio: join(folder, 'song'), out: join(folder, 'out') };
  await writeFile(paths.audio, bytes ?? (await oggSong()));
  await writeFile(
    paths.request,
    JSON.stringify({ audio: { filename: 'Someone - Something.ogg', ...audio }, params: { bpm, ...params } }),
  );
  const args = [program, '--request', paths.request, '--audio', paths.audio, '--out', paths.out];
  const child = spawn(process.execPath, args, { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const files = await readdir(paths.out).catch(() => []);
  const map = files.find((name) => name.endsWith('.osu'));
  return { code, lines, files, folder: paths.out, osu: map ? await readFile(join(paths.out, map), 'utf8') : '' };
}

let encoded: Promise<Uint8Array> | undefined;
const oggSong = () => (encoded ??= oggBytes(song));

const field = (osu: string, name: string) => new RegExp(`^${name}: ?(.*?)\\r?$`, 'm').exec(osu)?.[1];
const objectsOf = (osu: string) =>
  osu
    .slice(osu.indexOf('[HitObjects]'))
    .split('\r\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [x, y, time, type, sound, curve, slides, length, edges] = line.split(',');
      const points = curve?.includes('|')
        ? curve
            .split('|')
            .slice(1)
            .map((point) => point.split(':').map(Number))
        : [];
      return {
        x: Number(x),
        y: Number(y),
        time: Number(time),
        type: Number(type),
        sound: Number(sound),
        points,
        slides: Number(slides),
        length: Number(length),
        edges,
        line,
      };
    });

/** Slider speed at a time: that of the last green line since the last red one. */
function speedAt(osu: string, time: number): number {
  const section = /\[TimingPoints\]\r\n([^[]*)/.exec(osu)![1]!;
  let speed = 1;
  for (const line of section.split('\r\n').filter(Boolean)) {
    const [at, beat, , , , , red] = line.split(',').map(Number);
    if (at! <= time) speed = red === 1 ? 1 : -100 / beat!;
  }
  return speed;
}

/** Duration of all spans of a slider, ms; 0 of anything else. */
function lasts(osu: string, { time, length, slides }: ReturnType<typeof objectsOf>[number], beat: number): number {
  if (!length) return 0;
  return ((slides * length) / (100 * Number(field(osu, 'SliderMultiplier')) * speedAt(osu, time))) * beat;
}

function starsOf(osu: string): number {
  const map = new rosu.Beatmap(osu);
  try {
    expect(map.isSuspicious()).toBe(false);
    return new rosu.Difficulty().calculate(map).stars;
  } finally {
    map.free();
  }
}

describe.each([1.8, 2.5, 3.5, 5])('a map of %d stars', (stars) => {
  let made: Run;
  beforeAll(async () => {
    made = await run({ difficulty: stars, seed: 3 });
  }, 60_000);

  test('has the stars that were asked for, by the rating of the game', () => {
    expect(made.code).toBe(0);
    expect(Math.abs(starsOf(made.osu) - stars)).toBeLessThanOrEqual(0.1);
  });

  test('has every head and every slider end within 2 ms of a quarter of a beat', () => {
    const [offset, beat] = /\[TimingPoints\]\r\n(.*)/.exec(made.osu)![1]!.split(',').map(Number);
    const off = (time: number) => {
      const ticks = (time - offset!) / (beat! / 4);
      return Math.abs(ticks - Math.round(ticks)) * (beat! / 4);
    };
    for (const object of objectsOf(made.osu)) {
      expect(off(object.time)).toBeLessThan(2);
      expect(off(object.time + lasts(made.osu, object, beat!))).toBeLessThan(2);
    }
  });

  test('stays inside the playfield, in order, with room between objects', () => {
    let free = -Infinity;
    for (const object of objectsOf(made.osu)) {
      const { x, y, time, points } = object;
      for (const [px, py] of [[x, y], ...points]) {
        expect(px! >= 0 && px! <= 512 && py! >= 0 && py! <= 384).toBe(true);
      }
      expect(time - free).toBeGreaterThan(10);
      free = time + lasts(made.osu, object, 60_000 / bpm);
    }
  });

  test('is read by two parsers with the same objects', () => {
    const count = objectsOf(made.osu).length;
    const decoded = new BeatmapDecoder().decodeFromString(made.osu);
    expect(decoded.hitObjects.map(({ startTime }) => startTime)).toEqual(objectsOf(made.osu).map(({ time }) => time));
    const map = new rosu.Beatmap(made.osu);
    expect(map.nObjects).toBe(count);
    map.free();
  });

  test('repeats no shape: no three bars in a row have the same movements', () => {
    const shapes = new Map<number, string>();
    const objects = objectsOf(made.osu);
    const start = objects[0]!.time;
    objects.forEach(({ x, y, time }, i) => {
      const before = objects[i - 1];
      const bar = Math.floor((time - start) / (240_000 / bpm));
      shapes.set(bar, `${shapes.get(bar) ?? ''}|${before ? `${x - before.x},${y - before.y}` : ''}`);
    });
    const bars = [...shapes.values()];
    expect(bars.filter((shape, i) => shape === bars[i + 1] && shape === bars[i + 2])).toEqual([]);
  });
});

test('the settings that are given are written, the others fit the stars', async () => {
  const { osu } = await run({
    difficulty: 4,
    hp_drain_rate: 3.3,
    circle_size: 5.2,
    overall_difficulty: 6.1,
    approach_rate: 8.8,
    slider_multiplier: 1.25,
    slider_tick_rate: 2,
    title: 'T',
    artist: 'A',
    creator: 'C',
    version: 'V',
    source: 'S',
    tags: 'one two',
    preview_time: 1234,
  });
  const written = [
    'HPDrainRate',
    'CircleSize',
    'OverallDifficulty',
    'ApproachRate',
    'SliderMultiplier',
    'SliderTickRate',
  ].map((name) => Number(field(osu, name)));
  expect(written).toEqual([3.3, 5.2, 6.1, 8.8, 1.25, 2]);
  expect(['Title', 'Artist', 'Creator', 'Version', 'Source'].map((name) => field(osu, name))).toEqual([
    'T',
    'A',
    'C',
    'V',
    'S',
  ]);
  expect(field(osu, 'PreviewTime')).toBe('1234');
  expect(field(osu, 'Tags')).toMatch(/^one two generated ai .*engine=builtin .*seed=\d+/);
});

test('the same request gives the same bytes, another seed another map', async () => {
  const [first, second, other] = await Promise.all([run({ seed: 5 }), run({ seed: 5 }), run({ seed: 6 })]);
  for (const name of first.files)
    expect(await readFile(join(second.folder, name))).toEqual(await readFile(join(first.folder, name)));
  const places = objectsOf(first.osu).map(({ x, y, time }) => `${time}:${x},${y}`);
  const others = new Set(objectsOf(other.osu).map(({ x, y, time }) => `${time}:${x},${y}`));
  expect(places.filter((place) => others.has(place)).length / places.length).toBeLessThan(0.7);
});

test('the .osz holds the map, the song as it was sent and a picture', async () => {
  const { files, folder, osu } = await run({ seed: 1 });
  expect(files.filter((name) => name.endsWith('.osz'))).toHaveLength(1);
  const entries = unzipSync(
    await readFile(
      join(
        folder,
        files.find((name) => name.endsWith('.osz'))!,
      ),
    ),
  );
  expect(Object.keys(entries).sort()).toEqual(
    [files.find((name) => name.endsWith('.osu')), 'audio.ogg', 'background.png'].sort(),
  );
  expect(Buffer.from(entries['audio.ogg']!).equals(Buffer.from(await oggSong()))).toBe(true);
  expect(field(osu, 'AudioFilename')).toBe('audio.ogg');
  const png = Buffer.from(entries['background.png']!);
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1280, 720]);
});

test('a wav goes into the .osz as ogg, an mp3 as it is', async () => {
  const short = song.subarray(0, 44_100 * 20);
  const wav = await run({}, wavBytes(short));
  const entries = unzipSync(
    await readFile(
      join(
        wav.folder,
        wav.files.find((name) => name.endsWith('.osz'))!,
      ),
    ),
  );
  expect(Buffer.from(entries['audio.ogg']!).toString('latin1', 0, 4)).toBe('OggS');
  const mp3 = await mp3Bytes(short);
  const kept = await run({}, mp3);
  const packed = unzipSync(
    await readFile(
      join(
        kept.folder,
        kept.files.find((name) => name.endsWith('.osz'))!,
      ),
    ),
  );
  expect(Buffer.from(packed['audio.mp3']!).equals(Buffer.from(mp3))).toBe(true);
});

test('names cannot bring lines of their own, nor a path', async () => {
  const title = `x\n[HitObjects]\n1,1,1,1,0\u0000 ${'長い'.repeat(200)} \u{1F600}/../..`;
  const { osu, files } = await run({ title, artist: '../../etc', creator: '<b>', version: 'a/b\\c' });
  expect(osu.match(/\[HitObjects\]\r\n/g)).toHaveLength(1);
  expect(field(osu, 'Title')!.length).toBeLessThanOrEqual(81);
  expect(field(osu, 'Title')).toMatch(/^[\x20-\x7e]*$/);
  expect(files.every((name) => !/[/\\<>]|^\./.test(name) && name.length <= 130)).toBe(true);
});

test('only the part that was asked for is mapped', async () => {
  const { osu } = await run({ start_time: 20_000, end_time: 45_000 });
  const times = objectsOf(osu).map(({ time }) => time);
  expect(times[0]).toBeGreaterThanOrEqual(20_000);
  expect(times[0]).toBeLessThan(24_000);
  expect(times.at(-1)).toBeLessThanOrEqual(45_000);
});

test('with hitsounds off no object has an addition, with them on many have', async () => {
  const additions = (osu: string) =>
    objectsOf(osu).filter(({ sound, edges }) => sound > 0 || /[1-9]/.test(edges ?? '')).length;
  expect(additions((await run({ hitsounded: false })).osu)).toBe(0);
  const { osu } = await run({});
  expect(additions(osu)).toBeGreaterThan(0.2 * objectsOf(osu).length);
});

test('loud parts of the song get more objects than quiet ones', async () => {
  const { osu } = await run({ difficulty: 4 });
  const objects = objectsOf(osu);
  const perSecond = (from: number, to: number) =>
    objects.filter(({ time }) => time >= from && time < to).length / ((to - from) / 1000);
  expect(perSecond(20_000, 55_000)).toBeGreaterThan(1.15 * perSecond(1_000, 14_000));
});

test.each([
  ['silence', new Float32Array(44_100 * 20), 'no_beat_found'],
  ['one second and a half', song.subarray(0, 66_150), 'audio_too_short'],
])('%s is a clear error and exit 1', async (_name, samples, code) => {
  const { code: exit, lines, files } = await run({ bpm: undefined }, wavBytes(samples));
  expect(exit).toBe(1);
  expect(lines.at(-1)).toMatchObject({ error: { code, detail: expect.any(String) as string } });
  expect(files).toEqual([]);
});

test.each([0, 1, 2, 3])(
  'a first red line after the end of the song leaves nothing to map: a clear error in mode %d',
  async (gamemode) => {
    const { code, lines, files } = await run({ bpm: undefined, gamemode, offset: 90_000 });
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ error: { code: 'audio_too_short' } });
    expect(files).toEqual([]);
  },
);

test('stars out of reach are said so, and the map is the nearest there is', async () => {
  const { code, lines, osu } = await run({ difficulty: 12 });
  expect(code).toBe(0);
  expect(lines.some(({ warning }) => /^12 stars cannot be reached/.test(String(warning)))).toBe(true);
  expect(lines.find(({ stars }) => stars)).toMatchObject({
    stars: { asked: 12, got: expect.closeTo(starsOf(osu), 1) as number },
  });
});

test.each([
  [75, 2, 2],
  [260, 0.5, 4],
])(
  'at %d BPM the rhythm goes by the pulse that people map, and still lies on the grid',
  async (tempo, pulse, stars) => {
    const { code, osu } = await run(
      { bpm: tempo, offset: 700, difficulty: stars },
      await oggBytes(synthesise({ bpm: tempo, offsetMs: 721 })),
    );
    expect(code).toBe(0);
    expect(Math.abs(starsOf(osu) - stars)).toBeLessThanOrEqual(0.1);
    const tick = 60_000 / tempo / pulse / 4;
    for (const object of objectsOf(osu)) {
      for (const edge of [object.time, object.time + lasts(osu, object, 60_000 / tempo)]) {
        const off = (edge - 700) / tick;
        expect(Math.abs(off - Math.round(off)) * tick).toBeLessThan(2);
      }
    }
  },
);
