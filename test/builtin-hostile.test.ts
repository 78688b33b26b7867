import { beforeAll, expect, test } from 'vitest';
import { GenerateError } from '../src/worker/engines/builtin/errors.ts';
import { generate, makeMap } from '../src/worker/engines/builtin/generate.ts';
import { analyseSong, type Song } from '../src/worker/engines/builtin/song.ts';
import type { MapParams } from '../src/worker/engines/builtin/plan.ts';
import { createRandom, type Random } from '../src/worker/engines/builtin/random.ts';
import { keyCounts, tickRates } from '../src/shared/models.ts';
import { verifyMap, verifySet } from '../src/worker/verify/verify.ts';
import { mp3Bytes, oggBytes, synthesise, wavBytes } from './song.ts';

const rate = 44_100;
const seconds = (count: number, wave: (i: number) => number) =>
  Float32Array.from({ length: count * rate }, (_, i) => wave(i));
const noise = createRandom(3);
const white = (i: number) => 2 * noise('white', i) - 1;
const piece = synthesise({ bpm: 140, offsetMs: 500, seconds: 40 });

/** A wav of another rate and with a header that claims what it likes. */
function wavAt(sampleRate: number, samples: Float32Array, claimedBytes?: number): Uint8Array {
  const bytes = Buffer.from(wavBytes(samples));
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(sampleRate * 2, 28);
  if (claimedBytes !== undefined) bytes.writeUInt32LE(claimedBytes, 40);
  return bytes;
}

const eighth = (samples: Float32Array) => samples.filter((_, i) => i % 6 === 0); // to 7,350 Hz

const hostile: [string, () => Uint8Array | Promise<Uint8Array>][] = [
  ['silence', () => wavBytes(seconds(20, () => 0))],
  ['white noise', () => wavBytes(seconds(40, white))],
  ['a sine without an attack', () => wavBytes(seconds(40, (i) => 0.5 * Math.sin(i / 20)))],
  ['nothing but a constant', () => wavBytes(seconds(40, () => 0.7))],
  ['three seconds', () => wavBytes(piece.subarray(0, 3 * rate))],
  ['one click', () => wavBytes(seconds(40, (i) => (i === 20 * rate ? 0.9 : 0)))],
  ['clipped sound', () => wavBytes(piece.map((value) => Math.sign(value) * Math.min(1, Math.abs(value) * 40)))],
  ['7,350 Hz mono', () => wavAt(7350, eighth(piece))],
  ['a rate of 1 Hz', () => wavAt(1, piece.subarray(0, 100))],
  ['a rate of 2 GHz', () => wavAt(2_000_000_000, piece)],
  ['a header that claims 4 GB', () => wavAt(rate, piece, 0xffffffff)],
  ['one sample', () => wavBytes(new Float32Array(1))],
  ['NaN and infinity', () => floatWav(piece.map((value, i) => (i % 3 === 0 ? NaN : i % 3 === 1 ? Infinity : value)))],
  ['a cut-off mp3', async () => (await mp3Bytes(piece)).subarray(0, 100_001)],
  ['an mp3 with a hole', async () => holed(await mp3Bytes(piece))],
  ['an ogg with a hole', async () => holed(await oggBytes(piece))],
];

function floatWav(samples: Float32Array): Uint8Array {
  const bytes = Buffer.from(
    wavBytes(
      samples.map(() => 0),
      { bits: 32, float: true },
    ),
  );
  samples.forEach((value, i) => bytes.writeFloatLE(value, 44 + 4 * i));
  return bytes;
}

function holed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.fill(0x55, copy.length * 0.4, copy.length * 0.45);
  return copy;
}

test.each(hostile)('%s gives a valid map or a clear error', async (_name, make) => {
  const bytes = await make();
  try {
    const files = await generate(bytes, { filename: 'x.wav' }, { difficulty: 3, seed: 1 }, () => undefined);
    const [verdict] = verifySet(files[0]!.bytes, { waive: ['B03', 'B14'] });
    expect(verdict!.issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  } catch (error) {
    expect(error).toBeInstanceOf(GenerateError);
    expect((error as GenerateError).message).not.toBe('');
  }
});

test('a song of ten minutes keeps one tempo and is mapped to its end', async () => {
  const bar32 = synthesise({ bpm: 128, offsetMs: 0, seconds: 60 });
  const long = new Float32Array(10 * bar32.length);
  for (let i = 0; i < 10; i += 1) long.set(bar32, i * bar32.length);
  const song = await analyseSong(wavBytes(long), {});
  expect(song.timing.points).toMatchObject([{ bpm: 128 }]);
  const { issues } = verifyMap(makeMap(song, { filename: 'x.wav' }, { difficulty: 4, seed: 1 }).text);
  expect(issues.filter(({ level }) => level === 'blocking')).toEqual([]);
}, 120_000);

/** Any legal request, also a silly one. Keyed by `n`, so that a failure can be made again. */
function anyRequest(random: Random, n: number): MapParams {
  const draw = (what: string) => random(what, n);
  const number = (what: string, low: number, high: number, decimals = 1) =>
    Number((low + draw(`${what} value`) * (high - low)).toFixed(decimals));
  const of = <T>(what: string, list: readonly T[]) => list[Math.floor(draw(`${what} value`) * list.length)]!;
  const params: MapParams = { gamemode: n % 4, difficulty: number('difficulty', 0, 12, 2), seed: n };
  const maybe = <K extends keyof MapParams>(name: K, value: MapParams[K], share = 0.25) => {
    if (draw(name) < share) params[name] = value;
  };
  maybe('hp_drain_rate', number('hp', 0, 10));
  maybe('circle_size', number('cs', 0, 10));
  maybe('overall_difficulty', number('od', 0, 10));
  maybe('approach_rate', number('ar', 0, 10));
  maybe('slider_multiplier', number('sm', 0.4, 3.6));
  maybe('slider_tick_rate', of('tr', tickRates));
  maybe('keycount', of('keys', keyCounts), 0.6);
  maybe('hold_note_ratio', number('hold', 0, 1, 2));
  maybe('scroll_speed_ratio', number('scroll', 0, 1, 2));
  maybe('hitsounded', draw('sounds') < 0.5);
  maybe('year', Math.round(number('year', 2007, 2030, 0)));
  maybe('start_time', Math.round(number('start', 0, 20_000, 0)));
  maybe('end_time', Math.round(number('end', 36_000, 60_000, 0)));
  const words = [
    'streams',
    'jump aim',
    'slider only',
    'circle only',
    'simple',
    'tech',
    'complex sv',
    'swing',
    'mono-heavy',
    'chordjack',
    'LN density',
    'no hyperdashes',
    'spinner-heavy',
    'precision',
    'reading',
    'geometric',
    'low sv',
    'high sv',
    'wiggles',
    '2B',
    '\u0000',
  ];
  maybe('descriptors', [of('first', words), of('second', words)], 0.4);
  maybe('negative_descriptors', [of('third', words)]);
  return params;
}

const requests = Number(process.env['FUZZED_REQUESTS'] ?? 60);

test(`${requests} random requests all give maps without a blocking issue, with exactly the settings asked for`, () => {
  const random = createRandom(11);
  const wrong: unknown[] = [];
  for (let n = 0; n < requests; n += 1) {
    const params = anyRequest(random, n);
    const made = mapOrError(songs[n % songs.length]!, params);
    if (made instanceof GenerateError) {
      wrong.push({ params, error: made.message });
      continue;
    }
    const waive = params.hitsounded === false ? ['B03', 'B17'] : ['B03'];
    const verdict = verifyMap(made.text, undefined, { waive });
    const blocking = verdict.issues.filter(({ level }) => level === 'blocking');
    const settings = settingsOf(made.text);
    const asked = Object.entries(wanted(params)).filter(([name, value]) => settings.get(name) !== value);
    if (blocking.length > 0 || asked.length > 0) wrong.push({ params, asked, blocking: blocking.slice(0, 3) });
  }
  expect(wrong).toEqual([]);
}, 600_000);

function mapOrError(song: Song, params: MapParams) {
  try {
    return makeMap(song, { filename: 'a.ogg' }, params);
  } catch (error) {
    if (error instanceof GenerateError) return error;
    throw error;
  }
}

const settingsOf = (osu: string) =>
  new Map([...osu.matchAll(/^(\w+): ?([\d.]+)\r$/gm)].map(([, name, value]) => [name!, Number(value)]));

/** Settings of the file by what was asked for. */
function wanted({
  gamemode,
  hp_drain_rate,
  circle_size,
  overall_difficulty,
  approach_rate,
  slider_multiplier,
  slider_tick_rate,
  keycount,
}: MapParams) {
  const all = {
    HPDrainRate: hp_drain_rate,
    CircleSize: gamemode === 3 ? keycount : circle_size,
    OverallDifficulty: overall_difficulty,
    ApproachRate: approach_rate,
    SliderMultiplier: slider_multiplier,
    SliderTickRate: slider_tick_rate,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const songs: Song[] = [];
beforeAll(async () => {
  for (const [bpm, offset] of [
    [128, 300],
    [74, 900],
    [255, 120],
  ] as const) {
    const samples = synthesise({ bpm, offsetMs: offset, seconds: 60 });
    songs.push(await analyseSong(wavBytes(samples), { bpm, offset }));
  }
});
