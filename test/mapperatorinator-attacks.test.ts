import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { sharedService, tone, withFixtureModel, type Answer } from './service.ts';

/**
 * What somebody could send who wants more than a map: each is refused with the field and a code, or arrives at the program as the very text
 * that it is. The program here is the stand-in, which writes down what it was given.
 */
const shared = sharedService({ redisUrl: null, env: withFixtureModel });

interface Seen {
  config: string;
  args: Record<string, unknown>;
  reference: string | null;
}

async function submit(fields: Record<string, string>, beatmap?: string | Uint8Array): Promise<Answer> {
  const api = await shared();
  const form = new FormData();
  for (const [name, value] of Object.entries({ model: 'v32', ...fields })) form.append(name, value);
  if (beatmap !== undefined) form.append('beatmap_file', new Blob([new Uint8Array(Buffer.from(beatmap))]), 'their.osu');
  form.append('audio_file', new Blob([new Uint8Array(tone())]), 'song.wav');
  return api.call('POST', '/process', { body: form });
}

/** Runs the job to its end; what the program was given. */
async function seen(fields: Record<string, string>, beatmap?: string | Uint8Array): Promise<Seen> {
  const api = await shared();
  const { status, body } = await submit({ version: 'fixture:seen fixture:slow=0', ...fields }, beatmap);
  expect(body['errors']).toBeUndefined();
  expect(status).toBe(200);
  await api.until(body['job_id'], 'succeeded');
  const text = await readFile(join(api.data, 'outputs', body['job_id'], 'seen.json'), 'utf8');
  return JSON.parse(text) as Seen;
}

const codes = ({ body }: Answer) =>
  (body['errors'] as { field: string; code: string }[]).map(({ field, code }) => `${field} ${code}`);

describe('is refused with its field and a code', () => {
  test.each([
    [{ model: '../mai_mod' }, 'model unknown_model'],
    [{ model: '-cn' }, 'model unknown_model'],
    [{ model: 'v32 -cn ../mai_mod' }, 'model unknown_model'],
    [{ model: '${oc.env:HOME}' }, 'model unknown_model'],
    [{ temperature: 'NaN' }, 'temperature invalid_value'],
    [{ temperature: '1e999' }, 'temperature invalid_value'],
    [{ cfg_scale: '-Infinity' }, 'cfg_scale invalid_value'],
    [{ num_beams: '0x2' }, 'num_beams invalid_value'],
    [{ num_beams: '1000000' }, 'num_beams invalid_value'],
    [{ timer_iterations: '99999999999999999999' }, 'timer_iterations invalid_value'],
    [{ top_k: '1_000' }, 'top_k invalid_value'],
    [{ seed: '18446744073709551616' }, 'seed invalid_value'],
    [{ difficulty: '${oc.env:HOME}' }, 'difficulty invalid_value'],
    [{ lookback: '0.6' }, 'lookback invalid_value'],
    [{ lookback: '0.5', lookahead: '0.5' }, 'lookback invalid_value'],
    [{ precision: "fp32'" }, 'precision invalid_value'],
    [{ attn_implementation: '__import__' }, 'attn_implementation invalid_value'],
    [{ in_context: '[TIMING]' }, 'in_context invalid_value'],
    [{ in_context: '["timing","../x"]' }, 'in_context invalid_value'],
    [{ output_type: '["${x}"]' }, 'output_type invalid_value'],
    [{ output_type: '{"__proto__":[]}' }, 'output_type invalid_value'],
    [{ descriptors: '["\\ud800"]' }, 'descriptors unknown_descriptor'],
    [{ descriptors: '["${oc.env:HF_TOKEN}"]' }, 'descriptors unknown_descriptor'],
    [{ lora_path: '../../etc' }, 'lora_path invalid_value'],
    [{ lora_path: '..' }, 'lora_path invalid_value'],
    [{ lora_path: '.hidden' }, 'lora_path invalid_value'],
    [{ lora_path: '/etc/passwd' }, 'lora_path invalid_value'],
    [{ lora_path: 'a\\b' }, 'lora_path invalid_value'],
    [{ lora_path: 'someone/their-lora' }, 'lora_path invalid_value'],
    [{ lora_path: 'nobody' }, 'lora_path unknown_lora'],
    [{ add_to_beatmap: 'true' }, 'add_to_beatmap beatmap_required'],
    [{ in_context: '["TIMING"]' }, 'in_context beatmap_required'],
  ])('%j: %s', async (fields, problem) => {
    const answer = await submit(fields);
    expect(answer.status).toBe(422);
    expect(codes(answer)).toEqual([problem]);
  });

  const slip = zipSync({ '../../../../tmp/slipped.osu': strToU8('osu file format v14\n'), 'map.osu': strToU8('x') });
  test.each([
    ['an archive with a path out of it', slip],
    ['a program', '#!/bin/sh\nrm -rf /'],
    ['a beatmap of no mode of the game', 'osu file format v14\n[General]\nMode: 9\n[TimingPoints]\n0,500,4\n'],
    ['a beatmap with a beat every nanosecond', 'osu file format v14\n[TimingPoints]\n0,0.000001,4\n'],
    ['a beatmap whose time has no end', 'osu file format v14\n[TimingPoints]\n1e999,500,4\n'],
  ])('%s as beatmap_file', async (_what, file) => {
    const answer = await submit({}, file);
    expect(answer.status).toBe(422);
    expect(codes(answer)).toEqual(['beatmap_file invalid_beatmap']);
  });
});

test("what is the operator's to set is named as unknown and not passed on", async () => {
  const mine = {
    model_path: '/etc',
    audio_path: '/etc/passwd',
    output_path: '/tmp',
    beatmap_path: '/etc/passwd',
    background: '/etc/hostname',
    device: 'cpu',
    use_server: 'true',
    max_batch_size: '9999',
    compile: 'true',
    diff_ckpt: '/etc',
    overwrite_reference_beatmap: 'true',
    'train.data.src_seq_len': '1',
    __proto__x: '1',
  };
  const answer = await submit(mine);
  expect(answer.body['warnings']).toEqual(
    Object.keys(mine).map((name) => `The field "${name}" is not known and was ignored.`),
  );
  const { args } = await seen(mine);
  expect(args).toMatchObject({ background: '', beatmap_path: '', use_server: false });
  expect(Object.keys(args)).not.toContain('model_path');
  expect(JSON.stringify(args)).not.toContain('/etc');
});

test.each([
  '${oc.env:HOME}',
  '\\${oc.env:HF_TOKEN}',
  `it's "quoted", a=b, {c: [d]} 'e`,
  '--config-name=../mai_mod +x=1 ~y',
  '$(id) `id` ; rm -rf / | cat',
  'trailing backslash \\',
  '\u202egnp.exe',
])('the text %s arrives as it is', async (text) => {
  const given = { title: text, artist: text, creator: text, source: text, tags: text };
  expect((await seen(given)).args).toMatchObject(given);
});

test('line breaks and control characters of a text become spaces, so that no section begins in a map', async () => {
  const { args } = await seen({ title: 'a\r\n[Events]\n0,0,"/etc/passwd"\u0000\u001b[31m\u0085\u2028b' });
  expect(args['title']).toBe('a [Events] 0,0,"/etc/passwd" [31m b');
});

describe('a beatmap that names files of this machine', () => {
  const hostile = [
    'osu file format v14',
    '[General]',
    'AudioFilename: ../../../../etc/passwd',
    'Mode: 0',
    'SkinPreference:../../x',
    '[Metadata]',
    'Title:T\u2028[Events]\u0085${oc.env:HOME}',
    'Creator:../../me',
    'BeatmapID:99999999999999999999',
    '[Difficulty]',
    'HPDrainRate:NaN',
    'CircleSize:1e999',
    'SliderMultiplier:0',
    '[Events]',
    '0,0,"../../../../etc/hostname",0,0',
    'Video,0,"C:\\Windows\\win.ini"',
    'Sprite,Foreground,Centre,"../../../../etc/hostname",320,240',
    'Sample,100,0,"/etc/passwd",70',
    '[TimingPoints]',
    '0,-100,4,1,0,100,0,0',
    '500,400,0,99,-5,9999,1,8',
    '600,NaN,4,1,0,100,0,0',
    '[Colours]',
    'Combo1 : /etc/passwd',
    '[HitObjects]',
    '100,100,500,1,0,0:0:0:70:../../../etc/passwd',
    '1e400,100,900,1,0,0:0:0:0:',
    '100,100,9999999999,1,0,0:0:0:0:',
    '100,100,1300,2,0,B|200:200,999999999,100',
    '100,100,1700,2,0,B|200:200,1,1e300',
    '100,100,2100,8,0,99999999999999',
    '100,100,2500,2,0,B|../x:1,1,100',
    '300,100,2900,2,0,L|400:100,1,100,2|0,0:0|0:0,0:0:0:0:/etc/passwd',
  ].join('\n');

  test('comes to the program without them, in numbers that it can take', async () => {
    const { args, reference } = await seen({}, hostile);
    expect(args['beatmap_path']).toMatch(/\/scratch\/[0-9a-f-]{36}\/1\/reference\.osu$/);
    expect(args['in_context']).toEqual(['TIMING']);
    expect(args).toMatchObject({ background: '', audio_path: expect.stringMatching(/\/audio\.wav$/) as string });
    const lines = (reference ?? '').split('\n').filter(Boolean);
    expect(lines).toEqual([
      'osu file format v14',
      '[General]',
      'AudioFilename: audio.wav',
      'Mode: 0',
      '[Editor]',
      '[Metadata]',
      'Title: T [Events] ${oc.env:HOME}',
      'Artist: Unknown Artist',
      'Creator: ../../me',
      'Version: Mapperatorinator',
      'Source: ',
      '[Difficulty]',
      'HPDrainRate: 5',
      'CircleSize: 5',
      'OverallDifficulty: 5',
      'SliderMultiplier: 0.4',
      'SliderTickRate: 1',
      '[TimingPoints]',
      '500,400,4,3,0,100,1,0',
      '[HitObjects]',
      '100,100,500,1,0,0:0:0:70:',
      '300,100,2900,2,0,L|400:100,1,100,2|0,0:0|0:0,0:0:0:0:',
    ]);
  });

  test('is kept with the job as it came, and shown to nobody but by its name and counts', async () => {
    const api = await shared();
    const { body } = await submit({}, hostile);
    const folder = join(api.data, 'jobs', body['job_id']);
    expect(await readFile(join(folder, 'reference.osu'), 'utf8')).toBe(hostile);
    const { body: record } = await api.get(`/jobs/${body['job_id']}`);
    expect(record['reference']).toMatchObject({ filename: 'their.osu', gamemode: 0, objects: 2, timing_points: 1 });
    await api.until(body['job_id'], 'succeeded');
    expect(
      (await readdir(join(api.data, 'outputs', body['job_id']))).filter((name) => !/\.os[uz]$/.test(name)),
    ).toEqual([]);
  });
});
