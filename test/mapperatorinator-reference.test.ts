import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sharedService, tone, withFixtureModel } from './service.ts';

/** A beatmap sent along with a song, over HTTP, with the stand-in program, which writes down what it was given. */
const loras = mkdtempSync(join(tmpdir(), 'loras-'));
mkdirSync(join(loras, 'mine'));
writeFileSync(join(loras, 'mine', 'adapter_config.json'), '{}');
mkdirSync(join(loras, 'empty')); // no LoRA, and offered to nobody
afterAll(() => rmSync(loras, { recursive: true }));
const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, LORA_DIR: loras } });

const beatmap = (mode: number, objects = ['100,192,500,1,0,0:0:0:0:']) =>
  ['osu file format v14', '[General]', `Mode: ${mode}`, '[TimingPoints]', '500,400,4,2,1,60,1,0', '[HitObjects]']
    .concat(objects)
    .join('\n');

async function submit(fields: Record<string, string>, text?: string, key?: string) {
  const api = await shared();
  const form = new FormData();
  const told = { model: 'v32', version: 'fixture:seen fixture:slow=0', ...fields };
  for (const [name, value] of Object.entries(told)) form.append(name, value);
  if (text !== undefined) form.append('beatmap_file', new Blob([text]), 'their.osu');
  form.append('audio_file', new Blob([new Uint8Array(tone())]), 'song.wav');
  return api.call('POST', '/process', { body: form, ...(key ? { headers: { 'idempotency-key': key } } : {}) });
}

async function given(fields: Record<string, string>, text?: string) {
  const api = await shared();
  const { status, body } = await submit(fields, text);
  expect(body['errors']).toBeUndefined();
  expect(status).toBe(200);
  const record = await api.until(body['job_id'], 'succeeded');
  const seen = JSON.parse(await readFile(join(api.data, 'outputs', body['job_id'], 'seen.json'), 'utf8')) as {
    args: Record<string, unknown>;
    reference: string | null;
  };
  return { record, ...seen };
}

test('gives its mode where none was sent, and its timing where nothing else is asked for', async () => {
  const { record, args } = await given({}, beatmap(3));
  expect(record['params']['gamemode']).toBe(3);
  expect(args).toMatchObject({ gamemode: 3, in_context: ['TIMING'] });
  const sent = await given({ gamemode: '0', in_context: '["NONE"]' }, beatmap(3));
  expect(sent.record['params']['gamemode']).toBe(0);
  expect(sent.args).toMatchObject({ gamemode: 0, in_context: ['NONE'] });
});

test('can be added to by a model', async () => {
  const { args, record } = await given({ add_to_beatmap: 'true', start_time: '500', tags: 'x' }, beatmap(0));
  expect(args).toMatchObject({ add_to_beatmap: true, start_time: 500, background: '' });
  expect(record['warnings']).toEqual(['The model v32 makes no use of: version, tags.']);
  const refused = await submit({ add_to_beatmap: 'true', gamemode: '1' }, beatmap(0));
  expect(refused.body['errors']).toMatchObject([{ field: 'gamemode', code: 'mode_mismatch' }]);
  const builtin = await submit({ add_to_beatmap: 'true', model: 'builtin' }, beatmap(0));
  expect(builtin.body['errors']).toMatchObject([{ field: 'add_to_beatmap', code: 'not_supported' }]);
});

test('is made of tempo and offset, with the names of the song', async () => {
  const { args, reference } = await given({ bpm: '150', offset: '120' });
  expect(args).toMatchObject({
    in_context: ['TIMING'],
    title: 'song',
    bpm: 150,
    offset: 120,
    hitsounded: true,
    preview_time: -1,
  });
  expect(reference).toContain('[TimingPoints]\n120,400,4,2,0,100,1,0');
});

test('is part of what an Idempotency-Key stands for', async () => {
  const first = await submit({}, beatmap(0), 'one');
  const again = await submit({}, beatmap(0), 'one');
  expect(again.body['job_id']).toBe(first.body['job_id']);
  const other = await submit({}, beatmap(0, ['100,192,900,1,0,0:0:0:0:']), 'one');
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
});

test('every parameter that is sent reaches the program as what it is', async () => {
  const sent = {
    beatmap_id: 7,
    output_type: ['MAP', 'SV'],
    timing_temperature: 1,
    mania_column_temperature: 0.5,
    taiko_hit_temperature: 0.5,
    timeshift_bias: -0.5,
    top_k: 5,
    parallel: false,
    do_sample: true,
    num_beams: 2,
    timer_num_beams: 2,
    timer_bpm_threshold: 0.2,
    timer_cfg_scale: 1.5,
    timer_iterations: 10,
    timing_leniency: 10,
    lookback: 0.4,
    lookahead: 0.3,
    resnap_events: false,
    snap_near_perfect_overlaps: true,
    generate_positions: false,
    diff_cfg_scale: 1.2,
    precision: 'bf16',
    attn_implementation: 'sdpa',
  };
  const fields = Object.entries(sent).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const { args } = await given(Object.fromEntries(fields) as Record<string, string>);
  expect(args).toMatchObject(sent);
});

test('the limits of a model are there before anything is sent', async () => {
  const api = await shared();
  const { body } = await api.get('/models/v30');
  expect(body['limits']).toMatchObject({
    gamemode: { type: 'integer', minimum: 0, maximum: 0 },
    in_context: { type: 'array', enum: ['NONE', 'TIMING'] },
    num_beams: { type: 'integer', minimum: 1, maximum: 4 },
    year: { ignored: true },
    lora_path: { type: 'string', enum: ['mine'] },
  });
  expect(body['loras']).toEqual(['mine']);
});

test('a LoRA is asked for by its name, and the program is given its folder', async () => {
  expect((await given({ lora_path: 'mine' })).args['lora_path']).toBe(join(loras, 'mine'));
  const { body } = await submit({ lora_path: 'yours' });
  expect(body['errors']).toMatchObject([{ field: 'lora_path', code: 'unknown_lora' }]);
  expect(body['detail']).toContain('known are mine');
});
