import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyForProgram, readReference, readTiming } from '../src/shared/reference-beatmap.ts';
import { startService } from './service.ts';
import { oggBytes, synthesise } from './song.ts';

const osu = (lines: string[], head = 'osu file format v14') =>
  [head, '', '[General]', 'Mode: 0', '', '[TimingPoints]', ...lines, ''].join('\r\n');

test('the red lines of a beatmap are its timing, in order, the last of several at one time', () => {
  const points = ['20000,500,3,2,0,60,1,0', '700,400,4,2,0,60,1,0', '700,-50,4,2,0,60,0,0', '20000,300,5,2,0,60,1,0'];
  expect(readTiming(osu(points))).toEqual([
    { offsetMs: 700, bpm: 150, meter: 4 },
    { offsetMs: 20_000, bpm: 200, meter: 5 },
  ]);
});

test.each([
  ['', 'no .osu file'],
  ['{"a":1}', 'no .osu file'],
  [osu([]), 'no timing point'],
  [osu(['700,-50,4,2,0,60,0,0']), 'no timing point'],
  [osu(['700,0.001,4,2,0,60,1,0']), 'no tempo'],
])('a text without a usable timing is refused: %j', (text, reason) => {
  expect(() => readTiming(text)).toThrow(reason);
});

test('an archive is told from a beatmap, and the mode of a beatmap is one of the game', () => {
  expect(() => readTiming('PK\u0003\u0004')).toThrow('archive');
  expect(() => readReference('a.osu', osu(['0,500,4']).replace('Mode: 0', 'Mode: 4'))).toThrow('mode');
  const endless = `${osu(['0,500,4'])}\n[HitObjects]\n${'0,0,0,1,0\n'.repeat(50_001)}`;
  expect(() => readReference('a.osu', endless)).toThrow('more than 50000 lines of HitObjects');
  const read = readReference('a.osu', osu(['0,500,4']).replace('Mode: 0', 'Mode: 3'));
  expect(read).toMatchObject({
    filename: 'a.osu',
    gamemode: 3,
    objects: 0,
    previewMs: -1,
    timing: [{ offsetMs: 0, bpm: 120 }],
  });
  expect(read.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test("the copy for a program keeps every object and point of a beatmap, in order, and the map's own settings", () => {
  const text = [
    'osu file format v14',
    '[General]',
    'AudioFilename: theirs.mp3',
    'StackLeniency: 0.4',
    'Mode: 3',
    '[Metadata]',
    'Title:Song: part 2',
    'Version:[7K] Hard',
    '[Difficulty]',
    'CircleSize:7',
    'ApproachRate:9.5',
    '[TimingPoints]',
    '2000,-50,4,2,1,40,0,1',
    '500,400,3,2,1,60,1,0',
    '500,-100,4,2,1,70,0,0',
    '[HitObjects]',
    '36,192,900,128,2,1300:0:0:0:0:',
    '109,192,500,5,0,0:0:0:0:',
    '182,192,1500,1,8',
    '256,192,2500,12,0,3000,0:0:0:0:',
    '10,20,4000,2,0,P|30:40|50.5:60,2,120.5',
    '',
  ].join('\r\n');
  const audio = { filename: 'a.ogg', artist: 'Somebody' };
  const copy = copyForProgram({ audio, params: { gamemode: 0 } }, text, 'audio.ogg') ?? '';
  const section = (name: string) => copy.split(`[${name}]\n`)[1]?.split('\n\n')[0]?.trim().split('\n');
  expect(section('General')).toEqual(['AudioFilename: audio.ogg', 'Mode: 3', 'StackLeniency: 0.4']);
  expect(section('Metadata')).toEqual(
    expect.arrayContaining(['Title: Song: part 2', 'Artist: Somebody', 'Version: [7K] Hard']),
  );
  expect(section('Difficulty')).toEqual(expect.arrayContaining(['CircleSize: 7', 'ApproachRate: 9.5']));
  expect(section('TimingPoints')).toEqual(['500,400,3,2,1,60,1,0', '500,-100,4,2,1,70,0,0', '2000,-50,4,2,1,40,0,1']);
  expect(section('HitObjects')).toEqual([
    '109,192,500,5,0,0:0:0:0:',
    '36,192,900,128,2,1300:0:0:0:0:',
    '182,192,1500,1,8,0:0:0:0:',
    '256,192,2500,12,0,3000,0:0:0:0:',
    '10,20,4000,2,0,P|30:40|51:60,2,120.5',
  ]);
  expect(readReference('copy.osu', copy)).toMatchObject({ gamemode: 3, objects: 5 });
});

test('tempo and offset together make a beatmap of nothing but their timing; either alone makes none', () => {
  const audio = { filename: 'a.ogg' };
  const copy = copyForProgram({ audio, params: { gamemode: 2, bpm: 155.5, offset: -120 } }, null, 'audio.ogg') ?? '';
  expect(readReference('copy.osu', copy)).toMatchObject({ gamemode: 2, objects: 0 });
  expect(readTiming(copy)).toEqual([{ offsetMs: -120, bpm: expect.closeTo(155.5) as number, meter: 4 }]);
  expect(copyForProgram({ audio, params: { gamemode: 2, bpm: 155.5 } }, null, 'audio.ogg')).toBeNull();
});

test('a beatmap that is sent along gives its timing to the map, and one that is none is refused by name', async () => {
  const service = await startService({ redisUrl: null });
  const song = await oggBytes(synthesise({ bpm: 150, offsetMs: 700, seconds: 45 }));
  const submit = (text: string, fields: Record<string, string> = {}) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ difficulty: '3', ...fields })) form.append(name, value);
    form.append('beatmap_file', new Blob([text]), 'mine.osu');
    form.append('audio_file', new Blob([new Uint8Array(song)]), 'song.ogg');
    return service.call('POST', '/process', { body: form });
  };
  const refused = await submit('hello');
  expect(refused).toMatchObject({
    status: 422,
    body: { errors: [{ field: 'beatmap_file', code: 'invalid_beatmap' }] },
  });
  const huge = await submit('x'.repeat(5_000_000));
  expect(huge).toMatchObject({ status: 413, body: { errors: [{ field: 'beatmap_file' }] } });

  const { body } = await submit(osu(['679,400,4,2,0,60,1,0', '20679,200,4,2,0,60,1,0']));
  await service.until(body['job_id'], 'succeeded');
  const folder = join(service.data, 'outputs', body['job_id']);
  const name = (await readdir(folder)).find((file) => file.endsWith('.osu'))!;
  const made = await readFile(join(folder, name), 'utf8');
  expect(readTiming(made)).toEqual(readTiming(osu(['679,400,4,2,0,60,1,0', '20679,200,4,2,0,60,1,0'])));
});
