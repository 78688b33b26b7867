import { mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  eventually,
  sharedService,
  startService,
  tone,
  withFixtureModel,
  type Service,
  redisOfFile,
} from './service.ts';

const redisUrlOfFile = await redisOfFile();

const redisUrl = `${redisUrlOfFile}/6`;

/** Every name below the data folder that has the id in it, but what remembers for a minute that the job was removed. */
async function traces(service: Service, id: string): Promise<string[]> {
  const names = await readdir(service.data, { recursive: true });
  return names.filter(
    (name) => name.includes(id) && ![`jobs/.gone-${id}`, `jobs/.gone-${id}/request.json`].includes(name),
  );
}

const songs = (service: Service) => readdir(join(service.data, 'audio_storage'));

/** As if every song had been sent an hour ago. */
async function age(service: Service) {
  const then = Date.now() / 1000 - 3600;
  for (const name of await songs(service)) await utimes(join(service.data, 'audio_storage', name), then, then);
}

const remove = (service: Service, id: string) => service.call('DELETE', `/jobs/${id}`);

async function made(service: Service, fields: Record<string, string> = {}, song = tone(2)): Promise<string> {
  const { body } = await service.submit(fields, song);
  await service.until(body['job_id'], ['succeeded', 'failed']);
  return body['job_id'] as string;
}

describe.each([
  ['with Redis', redisUrl, 1],
  ['without Redis', null, 0],
])('%s', (_name, url, workers) => {
  const shared = sharedService({ redisUrl: url, workers, env: withFixtureModel });

  test.each([
    ['succeeded', {}],
    ['failed', { title: 'fixture:oom' }],
  ])('a job that has %s is removed with all that was its own', async (_state, fields) => {
    const service = await shared();
    const id = await made(service, fields);
    for (const path of ['', '/progress', '/files', '/debug']) await service.get(`/jobs/${id}${path}`); // fills the caches
    expect((await traces(service, id)).length).toBeGreaterThan(0);
    await age(service);
    expect((await remove(service, id)).status).toBe(204);
    for (const path of ['', '/status', '/progress', '/files', '/download', '/preview', '/audio', '/debug'])
      expect((await service.get(`/jobs/${id}${path}`)).status, path).toBe(404);
    expect((await service.get(`/jobs/${id}/stream`)).body['text']).toMatch(/^event: error/);
    expect((await service.get('/jobs')).body['jobs'].map(({ job_id: one }: { job_id: string }) => one)).not.toContain(
      id,
    );
    await eventually(
      () => traces(service, id),
      (names) => names.length === 0,
    );
    expect((await remove(service, id)).status).toBe(404);
    if (url === null) return;
    const redis = new Redis(url, { db: 7 });
    onTestFinished(() => redis.disconnect());
    expect(await redis.exists(`job_progress:${id}`, `job_metadata:${id}`, `output_files:${id}`)).toBe(0);
  });

  test('a job that is open is not, until it is cancelled', async () => {
    const service = await shared();
    const id = (await service.submit({ title: 'fixture:slow=60' })).body['job_id'] as string;
    await service.until(id, 'running');
    expect(await remove(service, id)).toMatchObject({ status: 409, body: { code: 'job_open' } });
    await service.call('POST', `/jobs/${id}/cancel`);
    await service.until(id, 'cancelled');
    expect((await remove(service, id)).status).toBe(204);
    expect((await service.get(`/jobs/${id}`)).status).toBe(404);
  });

  test('a song stays while another job has it', async () => {
    const service = await shared();
    const song = tone(2.5);
    const [one, two] = [await made(service, {}, song), await made(service, {}, song)];
    await age(service);
    const { audio } = JSON.parse(await readFile(join(service.data, 'jobs', one, 'request.json'), 'utf8')) as {
      audio: { path: string };
    };
    const file = basename(audio.path);
    await remove(service, one);
    await eventually(
      () => traces(service, one),
      (names) => names.length === 0,
    );
    expect(await songs(service)).toContain(file);
    expect((await service.get(`/jobs/${two}/audio`)).status).toBe(200);
    await remove(service, two);
    await eventually(
      () => songs(service),
      (names) => !names.includes(file),
    );
  });

  test('the Idempotency-Key of a removed job makes a new one', async () => {
    const service = await shared();
    const send = async (song = tone(2)) => {
      const body = new FormData();
      body.append('audio_file', new Blob([new Uint8Array(song)]), 'song.wav');
      return (await service.call('POST', '/process', { headers: { 'idempotency-key': 'k' }, body })).body['job_id'];
    };
    const first = (await send()) as string;
    expect(await send()).toBe(first);
    await service.until(first, 'succeeded');
    await remove(service, first);
    const second = (await send()) as string;
    expect(second).not.toBe(first);
    await service.until(second, 'succeeded');
    await remove(service, second);
    const other = (await send(tone(2.1))) as string; // whose key stood for something else
    await service.until(other, 'succeeded');
    expect(await send(tone(2.1))).toBe(other);
  });
});

test('a removal that a kill has cut off is over for everybody at once, and finished by the next start', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'delete-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const service = await startService({
    redisUrl,
    workers: 1,
    apis: 2,
    env: withFixtureModel,
    dataDir,
    failpoints: true,
  });
  const [first] = service.apis;
  const id = await made(service);
  const failpoint = await service.arm('remove:renamed', 'kill');
  await expect(fetch(`${service.urlOf(first!)}/jobs/${id}`, { method: 'DELETE' })).rejects.toThrow();
  await failpoint.hit();
  expect((await service.get(`/jobs/${id}`)).status).toBe(404);
  expect((await service.get(`/jobs/${id}/download`)).status).toBe(404);
  expect(await readdir(join(dataDir, 'outputs'))).toEqual([id]);
  await age(service);
  await service.start('api');
  await eventually(
    async () => [...(await traces(service, id)), ...(await songs(service))],
    (names) => names.length === 0,
  );
});

test("a song that has just come stays for the next sweep, in case it is that of a job which is being written; the job's own traces go at once", async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const id = await made(service);
  await remove(service, id);
  expect(await traces(service, id)).toEqual([]);
  expect(await songs(service)).toHaveLength(1);
});

test('another client sees no job to remove, and a page from elsewhere may not, but where it is named', async () => {
  const service = await startService({
    redisUrl: null,
    env: {
      ...withFixtureModel,
      CORS_ORIGINS: '*,https://maps.example',
      API_KEYS: 'alice:alice-key-0123456789,bob:bob-key-0123456789abc',
    },
  });
  const alice = { 'x-api-key': 'alice-key-0123456789' };
  const body = new FormData();
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
  const id = (await service.call('POST', '/process', { headers: alice, body })).body['job_id'] as string;
  await (await fetch(`${service.url}/jobs/${id}/stream`, { headers: alice })).text();
  const asked = (headers: Record<string, string>) => service.call('DELETE', `/jobs/${id}`, { headers });
  expect((await asked({})).status).toBe(401);
  expect((await asked({ 'x-api-key': 'bob-key-0123456789abc' })).status).toBe(404);
  const foreign = await asked({ ...alice, origin: 'https://evil.example' });
  expect(foreign).toMatchObject({ status: 403, body: { code: 'foreign_origin' } });
  expect((await asked({ ...alice, origin: 'https://maps.example' })).status).toBe(204);
});

test.each(['..', '%2e%2e', '..%2f..%2foutputs', 'x', '.gone-01a20d20-19ab-7709-80f0-0b07b0d6cd69'])(
  'no path is made of an id that is none: %s',
  async (id) => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const { status } = await service.call('DELETE', `/jobs/${id}`);
    expect([404, 405]).toContain(status);
    expect((await readdir(service.data)).sort()).toEqual(
      ['audio_storage', 'idempotency', 'jobs', 'outputs', 'scratch', 'unfinished'].sort(),
    );
  },
);
