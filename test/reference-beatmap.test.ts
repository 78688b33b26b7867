import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTiming } from '../src/shared/reference-beatmap.ts';
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
