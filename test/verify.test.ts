import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strToU8, zipSync } from 'fflate';
import { CatchRuleset } from 'osu-catch-stable';
import { BeatmapDecoder } from 'osu-parsers';
import { StandardRuleset } from 'osu-standard-stable';
import { describe, expect, test } from 'vitest';
import { readBeatmap } from '../src/worker/verify/beatmap.ts';
import { movements } from '../src/worker/verify/catch-movement.ts';
import { stackHeights } from '../src/worker/verify/stacking.ts';
import { UnreadableMapError, verifyMap, verifySet } from '../src/worker/verify/verify.ts';
import { circle, instead, mapText, type Change } from './verify-map.ts';

const program = fileURLToPath(new URL('../dist/worker/verify/main.js', import.meta.url));

const ids = (verdict: { issues: { id: string; level: string }[] }, level = 'blocking') => [
  ...new Set(verdict.issues.filter((issue) => issue.level === level).map(({ id }) => id)),
];

/** The head of a PNG of a size, which is all that is looked at. */
function png(width: number, height: number): Uint8Array {
  const bytes = Buffer.alloc(33);
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}
const mp3 = Buffer.from([0xff, 0xfb, 0x90, 0x64, ...Array<number>(40).fill(0)]);
const ogg = Buffer.from('OggS');
const wav = (ms: number) => {
  const bytes = Buffer.alloc(44 + ms * 88);
  bytes.write('RIFF____WAVEfmt ', 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt32LE(88_000, 28);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(ms * 88, 40);
  return bytes;
};

describe('the files of a set', () => {
  const good = { 'audio.mp3': mp3, 'bg.png': png(1280, 720) };
  const judge = (files: Record<string, Uint8Array>, change?: Change) =>
    ids(verifyMap(mapText(0, 'Hard', change), new Map(Object.entries(files)), { stars: 3 }));

  test('all there is no fault', () => {
    expect(judge(good)).toEqual([]);
  });
  test.each([
    ['no background', { 'audio.mp3': mp3 }, 'B13'],
    ['a small background', { ...good, 'bg.png': png(159, 120) }, 'B13'],
    ['a large background', { ...good, 'bg.png': png(2561, 1440) }, 'B13'],
    ['a background that is none', { ...good, 'bg.png': strToU8('x') }, 'B13'],
    [
      'a heavy background',
      { ...good, 'bg.png': Buffer.concat([png(160, 120), Buffer.alloc(2.5 * 1024 * 1024)]) },
      'B13',
    ],
    ['no song', { 'bg.png': png(160, 120) }, 'B14'],
    ['an empty song', { ...good, 'audio.mp3': new Uint8Array() }, 'B14'],
    ['a song of another type', { ...good, 'audio.mp3': ogg }, 'B14'],
    ['a wav', { ...good, 'audio.mp3': wav(100) }, 'B14'],
  ])('%s is found', (_what, files, id) => {
    expect(judge(files)).toEqual([id]);
  });
  test('a sound that an object names must be there', () => {
    const change = instead('256,192,11000,1,8,0:0:0:0:hit.wav');
    expect(judge(good, change)).toEqual(['B15']);
    expect(judge({ ...good, 'hit.wav': wav(30) }, change)).toEqual([]);
  });
});

describe('a set', () => {
  const name = (version: string) => `Someone - Song (Somebody) [${version}].osu`;
  const pack = (files: Record<string, Uint8Array | string>) =>
    zipSync({
      'audio.mp3': mp3,
      'bg.png': png(1280, 720),
      ...Object.fromEntries(
        Object.entries(files).map(([key, value]) => [key, typeof value === 'string' ? strToU8(value) : value]),
      ),
    });

  test('is judged difficulty by difficulty', () => {
    const verdicts = verifySet(pack({ [name('Easy')]: mapText(0, 'Easy'), [name('Hard')]: mapText(0, 'Hard') }));
    expect(verdicts.map(({ mode, difficulty, blocking }) => [mode, difficulty, blocking])).toEqual([
      [0, 'Easy', 0],
      [0, 'Hard', 0],
    ]);
  });
  test.each([
    ['an empty file', { 'x.png': '' }, 'B15'],
    ['a file that nothing uses', { 'x.mp4': 'x' }, 'B15'],
    ['a sound that is too short', { 'soft-hitclap2.wav': wav(24) }, 'B15'],
    ['another preview', { [name('Easy')]: mapText(0, 'Easy', (map) => (map.general['PreviewTime'] = 1)) }, 'B09'],
    ['another title', { [name('Easy')]: mapText(0, 'Easy', (map) => (map.metadata['Title'] = 'Else')) }, 'B16'],
    ['another name', { 'map.osu': mapText(0, 'Easy') }, 'B16'],
  ])('%s is found', (_what, files, id) => {
    expect(
      ids(verifySet(pack({ [name('Hard')]: mapText(0, 'Hard'), ...files }))[0]!).concat(
        ids(verifySet(pack({ [name('Hard')]: mapText(0, 'Hard'), ...files })).at(-1)!),
      ),
    ).toContain(id);
  });
  test('that is no archive, or holds no map, is said to be unreadable', () => {
    expect(() => verifySet(strToU8('no archive'))).toThrow(UnreadableMapError);
    expect(() => verifySet(pack({}))).toThrow(UnreadableMapError);
  });
});

test('a difficulty is what its name says, and what its stars say where the name says nothing', () => {
  const level = (version: string, stars: number, mode: 0 | 1 | 2 | 3 = 0) =>
    verifyMap(mapText(mode, version), undefined, { stars }).difficulty;
  expect(level('Somebody’s Hard', 1.9)).toBe('Hard');
  expect(level('Inner Oni', 1, 1)).toBe('Expert');
  expect(level('Oni', 1, 1)).toBe('Insane');
  expect(level('Cup', 9, 2)).toBe('Easy');
  expect(['Blue', 'Blue', 'Blue'].map((name, i) => level(name, [1.99, 2.7, 6.5][i]!))).toEqual([
    'Easy',
    'Hard',
    'Ultra',
  ]);
});

test('issues of waived checks are left out', () => {
  const short = mapText(0, 'Hard', (map) => (map.objects = [circle(1000), circle(2000)]));
  expect(ids(verifyMap(short, undefined, { stars: 1 }))).toEqual(['B03']);
  expect(verifyMap(short, undefined, { stars: 1, waive: ['B03'] }).blocking).toBe(0);
});

test.each([
  ['', false],
  ['osu file format v14', false],
  ['[TimingPoints]\n[HitObjects]', true],
  ['[General]\nMode: 7\n[TimingPoints]\n[HitObjects]', false],
  [mapText(0, 'x', (map) => (map.timing = ['0,0.000001,4,1,0,60,1,0'])), true],
  [mapText(1, 'x', (map) => (map.timing = ['0,1e300,4,1,0,60,1,0', 'NaN,NaN'])), true],
  [mapText(2, 'x', instead(`0,0,11000,2,0,B|${'9:9|'.repeat(900)}9:9,9000,100000`)), true],
  [mapText(2, 'x', (map) => (map.difficulty['SliderTickRate'] = 1e9)), true],
  [mapText(0, 'x', instead('0,0,11000,2,0,P|0:0|0:0,1,1e5', '0,0,12000,2,0,Q,1,1', '0,0,13000,12,0,x')), true],
  [mapText(3, 'x', (map) => (map.difficulty['CircleSize'] = -1e9)), true],
  [mapText(0, 'x', (map) => (map.objects = map.objects.map((line) => line.replaceAll(',', ';')))), true],
  [mapText(0, 'x').replaceAll('\r\n', '\r'), true],
])('hostile text is judged or called unreadable, and nothing else (%#)', (text, readable) => {
  const judge = () => verifyMap(text, undefined, { stars: 3 });
  if (readable) expect(judge().issues.every(({ time }) => time === null || Number.isFinite(time))).toBe(true);
  else expect(judge).toThrow(UnreadableMapError);
});

test('text that is torn, cut and filled with odd numbers is judged or called unreadable, and nothing else', () => {
  const random = numbers(5);
  const odd = [
    'NaN',
    '-1',
    '1e308',
    '',
    '-0',
    '999999999',
    '|',
    ':',
    ',',
    '-2147483648',
    '1e-9',
    'Infinity',
    '\0',
    '[HitObjects]',
    '\n',
  ];
  let unreadable = 0;
  for (let run = 0; run < 150; run++) {
    let text = run % 2 ? winding(run % 4 === 1 ? 0 : 2) : mapText(random(2) === 0 ? 1 : 3, 'Hard');
    for (let i = 0; i <= random(20); i++) {
      const at = random(text.length);
      const field = text.indexOf(',', at);
      const word = odd[random(odd.length)]!;
      if (random(3) === 0) text = text.slice(0, at) + text.slice(at + random(150));
      else if (random(2) === 0) text = text.slice(0, at) + word + text.slice(at + random(8));
      else if (field > 0)
        text = text.slice(0, field + 1) + word + text.slice(Math.max(field + 1, text.indexOf(',', field + 1)));
    }
    try {
      const { issues } = verifyMap(text, undefined, { stars: 3 });
      expect(issues.filter(({ time }) => time !== null && !Number.isFinite(time))).toEqual([]);
    } catch (error) {
      if (!(error instanceof UnreadableMapError)) throw error;
      unreadable++;
    }
  }
  expect(unreadable).toBeLessThan(75);
});

/** Whole numbers below a bound, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

/** A map with sliders of all curves, stacks and slider ends under circles. */
function winding(mode: 0 | 2): string {
  const random = numbers(7);
  const lines: string[] = [];
  for (let time = 1000, i = 0; time < 200_000; i++) {
    const [x, y] = i % 3 === 0 ? [250 + random(3), 190 + random(3)] : [random(512), random(384)];
    const point = () => `${random(512)}:${random(384)}`;
    const paths = [
      `L|${point()}`,
      `P|${point()}|${point()}`,
      `B|${point()}|250:190|250:190|${point()}`,
      `B|${point()}|${point()}|${point()}`,
    ];
    if (random(2) === 0) lines.push(`${x},${y},${time},2,0,${paths[random(4)]!},${1 + random(3)},${40 + random(200)}`);
    else lines.push(circle(time, x, y));
    time += (mode === 0 ? 250 : 1500) + 250 * random(4);
  }
  return mapText(mode, 'Hard', (map) => {
    map.objects = lines;
    map.timing.push('50000,-50,4,1,0,60,0,0', '90000,-133.33,4,1,0,60,0,0', '120000,400,4,1,0,60,1,0');
  });
}

test('sliders last and end, and objects stack, as osu-standard-stable has it', () => {
  const text = winding(0);
  const theirs = new StandardRuleset().applyToBeatmap(new BeatmapDecoder().decodeFromString(text)).hitObjects;
  const map = readBeatmap(text);
  expect([...stackHeights(map)]).toEqual(theirs.map(({ stackHeight }) => stackHeight));
  expect(new Set(stackHeights(map)).size).toBeGreaterThan(2);
  theirs.forEach((object, i) => {
    const ours = map.objects[i]!;
    const end = (object as { endTime?: number }).endTime ?? object.startTime;
    expect(ours.end).toBeCloseTo(end, 2);
    expect(ours.slider?.endPoint.x ?? ours.x).toBeCloseTo(object.endX, 1);
  });
});

test('hyperdashes are those of osu-catch-stable', () => {
  const text = winding(2);
  const theirs = new CatchRuleset()
    .applyToBeatmap(new BeatmapDecoder().decodeFromString(text))
    .hitObjects.flatMap((object) => (object.nestedHitObjects.length > 0 ? object.nestedHitObjects : [object]))
    .filter((object) => object.constructor.name !== 'JuiceTinyDroplet')
    .map((object) => object as unknown as { startTime: number; effectiveX: number; hyperDashTarget: unknown })
    .sort((a, b) => a.startTime - b.startTime);
  const ours = movements(readBeatmap(text));
  expect(ours).toHaveLength(theirs.length);
  theirs.forEach(({ startTime, effectiveX, hyperDashTarget }, i) => {
    expect(ours[i]!.time).toBeCloseTo(startTime, 1);
    expect(ours[i]!.x).toBeCloseTo(effectiveX, 1);
    if (Math.abs(ours[i]!.toHyper) > 0.1) expect(ours[i]!.hyper).toBe(Boolean(hyperDashTarget));
  });
  expect(ours.some(({ hyper }) => hyper)).toBe(true);
});

test.each([
  ['good.osu', mapText(0, 'Hard'), [], 0, /0 blocking/],
  ['bad.osu', mapText(0, 'Hard', instead(circle(11_002))), [], 1, /blocking B01 × 1: .*00:11:002/],
  ['bad.osu', mapText(0, 'Hard', instead(circle(11_002))), ['--json'], 1, /"id": "B01"/],
  ['none.osu', 'nothing', [], 2, /^$/],
  ['none.osz', 'nothing', [], 2, /^$/],
])('npm run verify says what it found of %s and ends accordingly', async (name, text, args, code, says) => {
  const path = join(await mkdtemp(join(tmpdir(), 'verify-')), name);
  await writeFile(path, text);
  const { status, stdout } = spawnSync(process.execPath, [program, path, ...args], { encoding: 'utf8' });
  expect(stdout).toMatch(says);
  expect(status).toBe(code);
});
