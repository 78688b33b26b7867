import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually, sharedService, tone, withFixtureModel } from './service.ts';
import { mp3Bytes, synthesise } from './song.ts';

const env = { ...withFixtureModel, MAX_UPLOAD_MB: '2', MAX_AUDIO_MINUTES: '1' };
const shared = sharedService({ redisUrl: null, env });
type Service = Awaited<ReturnType<typeof shared>>;

const left = async ({ data }: Service) => ({
  jobs: await readdir(join(data, 'jobs')),
  uploads: (await readdir(join(data, 'scratch'))).filter((name) => name.startsWith('upload-')),
  audio: await readdir(join(data, 'audio_storage')),
});

test('a wrong field is a 422 problem that names it, with every wrong field, and leaves nothing behind', async () => {
  const api = await shared();
  const before = await left(api);
  const wrong = {
    gamemode: '77',
    temperature: 'nan',
    difficulty: 'abc',
    seed: 'x1',
    keycount: '19',
    circle_size: '11',
    export_osz: 'perhaps',
    descriptors: '["a"',
    negative_descriptors: '"jump"',
    year: '1990',
  };
  const { status, headers, body } = await api.submit(wrong);
  expect(status).toBe(422);
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({ code: 'invalid_request', status: 422, detail: expect.any(String) as string });
  expect(body['errors'].map(({ field }: { field: string }) => field).sort()).toEqual(Object.keys(wrong).sort());
  expect((await left(api)).jobs).toEqual(before.jobs);
});

test.each([
  [{ difficulty: 'Infinity' }, 'difficulty'],
  [{ difficulty: '0x10' }, 'difficulty'],
  [{ start_time: '5000', end_time: '4000' }, 'end_time'],
  [{ descriptors: '{"a":1}' }, 'descriptors'],
  [{ descriptors: '[1]' }, 'descriptors'],
  [{ descriptors: '5' }, 'descriptors'],
  [{ model: 'v99' }, 'model'],
  [{ model: '../mai_mod' }, 'model'],
  [{ model: 'v30', gamemode: '3' }, 'gamemode'],
  [{ model: 'builtin', gamemode: '3', keycount: '11' }, 'keycount'],
  [{ model: 'builtin', approach_rate: '9.25' }, 'approach_rate'],
  [{ model: 'builtin', slider_tick_rate: '2.5' }, 'slider_tick_rate'],
  [{ add_to_beatmap: 'true' }, 'add_to_beatmap'],
])('%j is refused and %s is named', async (fields, field) => {
  const { status, body } = await (await shared()).submit(fields);
  expect(status).toBe(422);
  expect(body['errors'].map((error: { field: string }) => error.field)).toEqual([field]);
});

test('empty text means not sent, Python booleans are understood, an unknown field is named in the warnings', async () => {
  const api = await shared();
  const fields = {
    constructor: '1',
    year: '',
    seed: '',
    keycount: '',
    descriptors: '',
    export_osz: 'True',
    hitsounded: 'off',
    colour: 'red',
  };
  const { status, body } = await api.submit(fields);
  expect(status).toBe(200);
  expect(body['warnings']).toEqual(
    ['constructor', 'colour'].map((name) => `The field "${name}" is not known and was ignored.`),
  );
  const record = await api.get(`/jobs/${body['job_id']}`);
  expect(record.body['params']).toEqual({
    gamemode: 0,
    difficulty: 5,
    export_osz: true,
    add_to_beatmap: false,
    hitsounded: false,
  });
});

test('a text that is named mp3 is refused by its bytes, in the words of the seed', async () => {
  const api = await shared();
  const before = await left(api);
  const { status, body } = await api.submit({}, new TextEncoder().encode('this is not an mp3 at all'), 'song.mp3');
  expect(status).toBe(415);
  expect(body['detail']).toMatch(/^不支持的文件类型。支持的格式: /);
  expect(body['errors'][0]['field']).toBe('audio_file');
  expect(await left(api)).toEqual(before);
});

test('an empty file, no file and another body are told apart', async () => {
  const api = await shared();
  expect(await api.submit({}, new Uint8Array(), 'song.mp3')).toMatchObject({
    status: 400,
    body: { code: 'empty_file' },
  });
  const form = new FormData();
  form.append('model', 'builtin');
  expect(await api.call('POST', '/process', { body: form })).toMatchObject({ status: 400, body: { code: 'no_file' } });
  expect(await api.call('POST', '/process', { body: '{}' })).toMatchObject({
    status: 415,
    body: { code: 'not_multipart' },
  });
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const broken = await api.call('POST', '/process', { body: '--x\r\nnonsense', headers });
  expect(broken).toMatchObject({ status: 400, body: { code: 'invalid_multipart' } });
});

test('an upload that is cut off leaves nothing behind', async () => {
  const api = await shared();
  const before = await left(api);
  const head = '--x\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n\r\n';
  const headers = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': 1_000_000 };
  const req = httpRequest(`${api.url}/process`, { method: 'POST', headers });
  req.on('error', () => undefined);
  req.write(head);
  req.write(tone().subarray(0, 20_000));
  await eventually(
    async () => (await left(api)).uploads.length,
    (count) => count === 1,
  );
  req.destroy();
  await eventually(
    () => left(api),
    (now) => JSON.stringify(now) === JSON.stringify(before),
  );
});

test('a song over the longest length is refused by its header', async () => {
  const { status, body } = await (await shared()).submit({}, tone(61));
  expect(status).toBe(413);
  expect(body['code']).toBe('audio_too_long');
});

describe('a song whose header says two seconds', () => {
  const withFalseHeader = async (seconds: number) => {
    const tagged = await readFile(new URL('./fixtures/audio/click-at-1s.mp3', import.meta.url));
    return Buffer.concat([tagged, await mp3Bytes(synthesise({ bpm: 150, offsetMs: 0, seconds }))]);
  };

  test('is mapped whole', async () => {
    const api = await shared();
    const { body } = await api.submit({ model: 'builtin', bpm: '150' }, await withFalseHeader(45));
    const { report } = await api.until(body['job_id'], 'succeeded');
    expect(report['last_object_ms']).toBeGreaterThan(40_000);
  });

  test('is mapped as far as it is there, with a warning, when it is cut off', async () => {
    const api = await shared();
    const whole = await withFalseHeader(45);
    const { body } = await api.submit({ model: 'builtin', bpm: '150' }, whole.subarray(0, 0.8 * whole.length + 5));
    const { report, warnings } = await api.until(body['job_id'], 'succeeded');
    expect(report['last_object_ms']).toBeLessThan(39_000);
    expect(warnings).toContainEqual(expect.stringContaining('cut off'));
  });

  test('is refused by the worker when it is over the longest length', async () => {
    const api = await shared();
    const { body } = await api.submit({ model: 'builtin' }, await withFalseHeader(65));
    expect((await api.until(body['job_id'], 'failed'))['error']['code']).toBe('audio_too_long');
  });
});

describe('a body over the limit', () => {
  let file: string;
  beforeAll(async () => {
    file = join(await mkdtemp(join(tmpdir(), 'large-')), 'large.bin');
    await writeFile(file, '');
    await truncate(file, 300 * 1024 * 1024);
  });

  test.each(['with its length', 'in chunks'])('is a 413 that its sender can read: sent %s', async (how) => {
    const api = await shared();
    const before = await left(api);
    const head = '--x\r\nContent-Disposition: form-data; name="audio_file"; filename="a.mp3"\r\n\r\n';
    const length = how === 'with its length' ? { 'content-length': head.length + 300 * 1024 * 1024 } : {};
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = { 'content-type': 'multipart/form-data; boundary=x', ...length };
      const req = httpRequest(`${api.url}/process`, { method: 'POST', headers }, (res) => {
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
      });
      req.on('error', reject);
      req.write(head);
      createReadStream(file).pipe(req);
    });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'upload_too_large' });
    expect(await left(api)).toEqual(before);
    expect((await api.get('/healthz')).status).toBe(200);
  });
});

test.each([
  '/jobs/..%2f..%2fetc/files',
  '/jobs/%2e%2e/files',
  '/jobs/%2e%2e/download?filename=.env',
  '/jobs/.../status',
  '/jobs/0/progress',
  '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/files',
  '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/debug',
  '/models/..%2fsecret',
  '/nothing/here',
])('%s is a 404 problem', async (path) => {
  // fetch would resolve the dots itself, so the path goes out raw
  const { url } = await shared();
  const { port } = new URL(url);
  const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const req = httpRequest({ port, host: '127.0.0.1', path }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
    });
    req.on('error', reject);
    req.end();
  });
  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.body)).toMatchObject({ status: 404, code: expect.stringMatching(/_not_found$/) as string });
});

test.each([
  ['limit=abc', 'limit'],
  ['limit=-3', 'limit'],
  ['limit=0', 'limit'],
  ['limit=1.5', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['before=xyz', 'before'],
  ['before=../../etc', 'before'],
  ['limit=x&before=y', 'limit,before'],
])('a list that is asked for with %s is a 422 that names %s', async (query, fields) => {
  const { status, headers, body } = await (await shared()).get(`/jobs?${query}`);
  expect(status).toBe(422);
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body['code']).toBe('invalid_request');
  expect(body['errors']).toEqual(
    fields.split(',').map((field) => ({ field, code: 'invalid_value', detail: expect.any(String) as string })),
  );
});

test('a list comes in pages, as long as asked, and an empty value counts as left out', async () => {
  const api = await shared();
  for (let i = 0; i < 3; i += 1) await api.submit();
  const ids = ({ body }: Awaited<ReturnType<typeof api.get>>) =>
    body['jobs'].map((job: { job_id: string }) => job.job_id) as string[];
  const all = ids(await api.get('/jobs?limit=&before='));
  expect(ids(await api.get('/jobs?limit=5000'))).toEqual(all);
  const first = await api.get('/jobs?limit=2');
  expect(ids(first)).toEqual(all.slice(0, 2));
  expect(ids(await api.get(first.body['next']))).toEqual(all.slice(2, 4));
});

test.each([
  ['GET', '/process', 'POST'],
  ['DELETE', '/jobs', 'GET, HEAD'],
  ['POST', '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/status', 'GET, HEAD'],
  ['GET', '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/cancel', 'POST'],
  ['PUT', '/models/v32', 'GET, HEAD'],
  ['POST', '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/stream', 'GET, HEAD'],
  ['PATCH', '/healthz', 'GET, HEAD'],
  ['POST', '/', 'GET, HEAD'],
])('%s %s is a 405 problem that says what is allowed: %s', async (method, path, allowed) => {
  const { status, headers, body } = await (await shared()).call(method, path);
  expect(status).toBe(405);
  expect(headers.get('allow')).toBe(allowed);
  expect(body).toMatchObject({
    status: 405,
    code: 'method_not_allowed',
    detail: expect.stringContaining(path) as string,
  });
});

test('a cut address is a 400 and a file that was not published is a 404', async () => {
  const api = await shared();
  expect((await api.get('/jobs/%E0%A4%A/files')).status).toBe(400);
  const { body } = await api.submit();
  await api.until(body['job_id'], 'succeeded');
  for (const name of ['../request.json', '..%2f..%2fjobs', 'nothing.osz', '.']) {
    const answer = await api.get(`/jobs/${body['job_id']}/download?filename=${encodeURIComponent(name)}`);
    expect(answer).toMatchObject({ status: 404, body: { code: 'file_not_found', detail: `文件 ${name} 不存在` } });
  }
});

test('the name of an upload is for people only: control characters go, no path comes of it', async () => {
  const api = await shared();
  const { body } = await api.submit({}, tone(), '../../..\\<img onerror=alert(1)>.wav');
  expect(body['message']).toBe('处理已开始，音频文件: <img onerror=alert(1)>.wav');
  const { body: record } = await api.get(`/jobs/${body['job_id']}`);
  expect(record['audio']['filename']).toBe('<img onerror=alert(1)>.wav');
  const stored = JSON.parse(await readFile(join(api.data, 'jobs', body['job_id'], 'request.json'), 'utf8')) as {
    audio: { path: string };
  };
  expect(stored.audio.path).toMatch(/^audio_storage\/[0-9a-f]{64}\.wav$/);
});
