import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedService, startService, tone, withFixtureModel } from './service.ts';

const alice = { authorization: 'Bearer alice-key-0123456789' };
const bob = { 'x-api-key': 'bob-key-0123456789abc' };
const admin = { authorization: 'Bearer admin-key-0123456789' };
const keys = {
  API_KEYS: 'alice:alice-key-0123456789, bob:bob-key-0123456789abc',
  ADMIN_KEY: 'admin-key-0123456789',
  MAX_OPEN_JOBS_PER_KEY: '2',
};

function form(fields: Record<string, string> = {}, seconds = 2) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('audio_file', new Blob([new Uint8Array(tone(seconds))]), 'song.wav');
  return body;
}

describe('with API keys', () => {
  const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, ...keys } });
  const submit = async (headers: Record<string, string>, fields = {}) =>
    (await shared()).call('POST', '/process', { headers, body: form(fields) });

  test.each([
    ['POST', '/process'],
    ['GET', '/jobs'],
    ['GET', '/models'],
    ['GET', '/debug/redis'],
    ['GET', '/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/stream'],
  ])('%s %s wants one', async (method, path) => {
    const service = await shared();
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { 'x-api-key': '' }]) {
      const answer = await service.call(method, path, { headers, ...(method === 'POST' ? { body: form() } : {}) });
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    }
    expect(await readdir(join(service.data, 'jobs'))).toEqual([]);
  });

  test.each(['/', '/healthz', '/readyz'])('%s does not', async (path) => {
    expect((await (await shared()).get(path)).status).toBe(200);
  });

  test("a client sees, follows and ends its own jobs only; another's look like none; the admin sees all", async () => {
    const service = await shared();
    const { body } = await submit(alice, { title: 'fixture:slow=20' });
    const id = body['job_id'] as string;
    for (const path of ['', '/status', '/progress', '/files', '/download', '/debug']) {
      expect((await service.call('GET', `/jobs/${id}${path}`, { headers: bob })).status, path).toBe(404);
    }
    const stream = await service.call('GET', `/jobs/${id}/stream`, { headers: bob });
    expect(stream.body['text']).toBe('event: error\r\ndata: 任务不存在\r\n\r\n');
    expect((await service.call('POST', `/jobs/${id}/cancel`, { headers: bob })).status).toBe(404);
    const idsOf = async (headers: Record<string, string>) =>
      (await service.call('GET', '/jobs', { headers })).body['jobs'].map(
        (job: { job_id: string }) => job.job_id,
      ) as string[];
    expect(await idsOf(bob)).toEqual([]);
    expect(await idsOf(alice)).toEqual([id]);
    expect(await idsOf(admin)).toEqual([id]);
    expect((await service.call('GET', '/debug/redis', { headers: alice })).status).toBe(403);
    expect((await service.call('GET', '/debug/redis', { headers: admin })).status).toBe(200);
    const answer = await service.call('POST', `/jobs/${id}/cancel`, { headers: alice });
    expect(answer).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  });

  test('a client with as many open jobs as allowed gets 429, and the others go on', async () => {
    const service = await shared();
    const slow = { title: 'fixture:slow=60' };
    const mine = [await submit(bob, slow), await submit(bob, slow)];
    const third = await submit(bob, slow);
    expect(third).toMatchObject({ status: 429, body: { code: 'too_many_jobs' } });
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    const hers = await submit(alice, slow);
    expect(hers.status).toBe(200);
    for (const { body } of [...mine, hers]) {
      await service.call('POST', `/jobs/${body['job_id']}/cancel`, { headers: admin });
    }
  });
});

test('a queue that is full says so with 429 and when to come again', async () => {
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, MAX_OPEN_JOBS: '3' } });
  const answers = [];
  for (let i = 0; i < 5; i += 1) answers.push(await service.submit({ title: 'fixture:slow=5' }));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
  expect(answers[4]).toMatchObject({ body: { code: 'queue_full' } });
  expect(Number(answers[4]!.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await readdir(join(service.data, 'jobs'))).toHaveLength(3);
  expect(await readdir(join(service.data, 'scratch'))).not.toContainEqual(expect.stringContaining('upload'));
});

test('of twenty submits at once as many are taken as there are places, and nothing is kept of the others', async () => {
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, MAX_OPEN_JOBS: '3' } });
  const songs = Array.from({ length: 20 }, (_, i) => tone(2 + i / 100));
  const answers = await Promise.all(songs.map((song) => service.submit({ title: 'fixture:slow=60' }, song)));
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused).toHaveLength(17);
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 429, body: { code: 'queue_full' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  for (const folder of ['jobs', 'audio_storage']) expect(await readdir(join(service.data, folder))).toHaveLength(3);
  expect(await readdir(join(service.data, 'scratch'))).not.toContainEqual(expect.stringContaining('upload'));
});

test('fifty submits at once run on one engine at a time, the rest wait', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const answers = await Promise.all(Array.from({ length: 50 }, () => service.submit({ title: 'fixture:slow=0.5' })));
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
  const states = await Promise.all(answers.map(({ body }) => service.get(`/jobs/${body['job_id']}/status`)));
  const count = (wanted: string) => states.filter(({ body }) => body['status'] === wanted).length;
  expect(count('running')).toBeLessThanOrEqual(1);
  expect(count('queued')).toBeGreaterThan(40);
});

describe('Idempotency-Key', () => {
  const submit = (url: string, key: string, fields: Record<string, string> = {}, seconds = 2) =>
    fetch(`${url}/process`, { method: 'POST', headers: { 'idempotency-key': key }, body: form(fields, seconds) });

  test('the same key twenty times at once, through two APIs, is one job', async () => {
    const service = await startService({ redisUrl: null, apis: 2, env: withFixtureModel });
    const urls = service.apis.map(service.urlOf);
    const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => submit(urls[i % 2]!, 'k1')));
    expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const ids = await Promise.all(
      responses.map(async (response) => ((await response.json()) as { job_id: string }).job_id),
    );
    expect(new Set(ids).size).toBe(1);
    expect(responses.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect(await readdir(join(service.data, 'jobs'))).toHaveLength(1);
    await service.until(ids[0]!, 'succeeded');
    const again = await submit(urls[0]!, 'k1');
    expect(await again.json()).toMatchObject({ job_id: ids[0] });
  });

  test('for another song or other parameters is a 422, and another key is another job', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const first = (await (await submit(service.url, 'k')).json()) as { job_id: string };
    for (const [fields, seconds] of [
      [{ seed: '1' }, 2],
      [{}, 3],
    ] as const) {
      const answer = await submit(service.url, 'k', fields, seconds);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({ code: 'idempotency_key_reused' });
    }
    const other = (await (await submit(service.url, 'k2')).json()) as { job_id: string };
    expect(other.job_id).not.toBe(first.job_id);
  });

  test('stands for what was asked, also when another engine would be chosen by now', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const first = (await (await submit(service.url, 'k')).json()) as { job_id: string; engine: string };
    expect(first.engine).toBe('mapperatorinator');
    const withoutModel = await startService({ redisUrl: null, dataDir: service.data });
    const again = await submit(withoutModel.url, 'k');
    expect(await again.json()).toMatchObject({ job_id: first.job_id, engine: 'mapperatorinator' });
  });

  test('of a refused request is free again', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    expect((await submit(service.url, 'k', { gamemode: '77' })).status).toBe(422);
    expect((await submit(service.url, 'k')).status).toBe(200);
    const [file] = await readdir(join(service.data, 'idempotency'));
    expect(file).toMatch(/^[0-9a-f]{64}$/); // whatever a key contains, it names no path
    expect((await submit(service.url, '../../x')).status).toBe(200);
    expect(await readdir(join(service.data, 'idempotency'))).toHaveLength(2);
  });

  test('that a crash has left without a job is one job for all who retry at once', async () => {
    const service = await startService({ redisUrl: null, apis: 2, env: withFixtureModel });
    const urls = service.apis.map(service.urlOf);
    await submit(urls[0]!, 'k');
    const promises = join(service.data, 'idempotency');
    const [file] = await readdir(promises);
    const kept = JSON.parse(await readFile(join(promises, file!), 'utf8')) as { id: string };
    for (let round = 0; round < 20; round += 1) {
      const key = `k${round}`;
      const left = join(
        promises,
        createHash('sha256')
          .update(JSON.stringify([null, key]))
          .digest('hex'),
      );
      await writeFile(left, round % 2 ? '' : JSON.stringify({ ...kept, id: randomUUID() }));
      const longAgo = Date.now() / 1000 - 61;
      await utimes(left, longAgo, longAgo);
      const responses = await Promise.all(Array.from({ length: 8 }, (_, i) => submit(urls[i % 2]!, key)));
      const answers = await Promise.all(responses.map((response) => response.json() as Promise<{ job_id: string }>));
      expect(responses.map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(new Set(answers.map(({ job_id: id }) => id)).size, key).toBe(1);
      expect(await readdir(join(service.data, 'jobs'))).toHaveLength(2 + round);
    }
  });

  test('that is known is answered with its job while the queue is full; a new one is not taken', async () => {
    const service = await startService({ redisUrl: null, env: { ...withFixtureModel, MAX_OPEN_JOBS: '1' } });
    const slow = { title: 'fixture:slow=60' };
    const first = (await (await submit(service.url, 'k', slow)).json()) as { job_id: string };
    const again = await submit(service.url, 'k', slow);
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await again.json()).toMatchObject({ job_id: first.job_id });
    expect((await submit(service.url, 'k')).status).toBe(422);
    expect((await submit(service.url, 'other', slow)).status).toBe(429);
    await service.call('POST', `/jobs/${first.job_id}/cancel`);
    await service.until(first.job_id, 'cancelled');
    expect((await submit(service.url, 'other', slow)).status).toBe(200);
  });
});

describe('pages from elsewhere', () => {
  const origin = { origin: 'https://evil.example', cookie: 'a=b' };

  test("never get the visitor's credentials", async () => {
    const service = await startService({ redisUrl: null });
    const { headers } = await service.call('GET', '/jobs', { headers: origin });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('are let in by CORS_ORIGINS only, where that is set', async () => {
    const service = await startService({
      redisUrl: null,
      env: { CORS_ORIGINS: 'https://maps.example,http://localhost:5173' },
    });
    const foreign = await service.call('GET', '/jobs', { headers: origin });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    const known = await service.call('GET', '/jobs', { headers: { origin: 'https://maps.example' } });
    expect(known.headers.get('access-control-allow-origin')).toBe('https://maps.example');
    expect(known.headers.get('vary')).toMatch(/origin/i);
  });
});

test('an API that listens for everybody without a key says so at its start', async () => {
  const service = await startService({ redisUrl: null, env: { HOST: '0.0.0.0' } });
  const line = await service.apis[0]!.logged('Anybody who reaches this address may use it; set API_KEYS.');
  expect(line).toMatchObject({ level: 40, host: '0.0.0.0' });
});
