import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedService, startService, tone, withFixtureModel, type Service, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const redisUrl = `${redisUrlOfFile}/10`;

const retry = (service: Service, id: string, changes?: unknown, headers: Record<string, string> = {}) =>
  service.call('POST', `/jobs/${id}/retry`, {
    headers: { 'content-type': 'application/json', ...headers },
    ...(changes === undefined ? {} : { body: typeof changes === 'string' ? changes : JSON.stringify(changes) }),
  });

async function ended(service: Service, fields: Record<string, string> = {}): Promise<string> {
  const { body } = await service.submit(fields);
  await service.until(body['job_id'], ['succeeded', 'failed']);
  return body['job_id'] as string;
}

const requestOf = async (service: Service, id: string) =>
  JSON.parse(await readFile(join(service.data, 'jobs', id, 'request.json'), 'utf8')) as Record<string, unknown>;

describe.each([
  ['with Redis', redisUrl, 1],
  ['without Redis', null, 0],
])('%s', (_name, url, workers) => {
  const shared = sharedService({ redisUrl: url, workers, env: withFixtureModel });

  test('a retry is a new job with the same song and input; the one before stays as it is', async () => {
    const service = await shared();
    const id = await ended(service, {
      title: 'fixture:oom',
      difficulty: '4.5',
      descriptors: '["skillset/streams"]',
      hitsounded: 'false',
      seed: '7',
    });
    const before = (await service.get(`/jobs/${id}`)).body;
    expect(before).toMatchObject({ state: 'failed', retry_of: null });
    const { status, body } = await retry(service, id);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(
      ['job_id', 'status', 'message', 'engine', 'model', 'warnings', 'links'].sort(),
    );
    expect(body['job_id']).not.toBe(id);
    const after = await service.until(body['job_id'], 'failed');
    expect(after).toMatchObject({ retry_of: id, params: before['params'], audio: before['audio'] });
    const [one, two] = [await requestOf(service, id), await requestOf(service, body['job_id'])];
    expect({ ...two, id: 0, createdAt: 0 }).toEqual({ ...one, id: 0, createdAt: 0, retryOf: id });
    expect((await service.get(`/jobs/${id}`)).body).toEqual(before);
  });

  test('fields can be changed, and left out with null', async () => {
    const service = await shared();
    const id = await ended(service, {
      title: 'fixture:oom',
      difficulty: '4.5',
      seed: '7',
      descriptors: '["skillset/streams"]',
    });
    const changes = { title: null, difficulty: 3, seed: '8', hitsounded: false, descriptors: ['jumps/sharp'], wat: 1 };
    const { body } = await retry(service, id, changes);
    expect(body['warnings']).toContain('The field "wat" is not known and was ignored.');
    const { params } = await service.until(body['job_id'], 'succeeded');
    expect(params).toMatchObject({ difficulty: 3, seed: 8, hitsounded: false, descriptors: ['jumps/sharp'] });
    expect(params).not.toHaveProperty('title');
    const { body: other } = await retry(service, id, { model: 'builtin', title: null, descriptors: null });
    expect(other).toMatchObject({ engine: 'builtin', model: 'builtin' });
  });

  test('a job that is open is not retried', async () => {
    const service = await shared();
    const { body } = await service.submit({ title: 'fixture:slow=30' });
    expect(await retry(service, body['job_id'])).toMatchObject({ status: 409, body: { code: 'job_open' } });
    await service.call('POST', `/jobs/${body['job_id']}/cancel`);
    await service.until(body['job_id'], 'cancelled');
    expect((await retry(service, body['job_id'], { title: null })).status).toBe(200);
  });
});

describe('what is wrong', () => {
  const shared = sharedService({ redisUrl: null, env: withFixtureModel });

  test('is told as with a submit, by the name of each field, and no job is made', async () => {
    const service = await shared();
    const id = await ended(service);
    const jobsBefore = (await service.get('/jobs')).body['jobs'].length as number;
    for (const [changes, fields] of [
      [{ gamemode: 7, difficulty: 'x' }, ['gamemode', 'difficulty']],
      [{ difficulty: { $gt: 1 } }, ['difficulty']],
      [{ model: 'v99' }, ['model']],
      [{ seed: [1] }, ['seed']],
      ['{"difficulty":1e400}', ['difficulty']],
      [{ beatmap_file: 'osu file format v14' }, ['beatmap_file']],
    ] as const) {
      const { status, body } = await retry(service, id, changes);
      expect([status, body['code']], JSON.stringify(changes)).toEqual([422, 'invalid_request']);
      expect(body['errors'].map(({ field }: { field: string }) => field)).toEqual(fields);
    }
    for (const body of ['[', '[1]', '"x"', '7', 'null', `{"title":"${'x'.repeat(100_000)}"}`, '\u0000']) {
      const answer = await retry(service, id, body);
      expect(answer, body.slice(0, 20)).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
    }
    expect((await service.get('/jobs')).body['jobs']).toHaveLength(jobsBefore);
  });

  test('a song that was removed is an audio_gone', async () => {
    const service = await shared();
    const { body } = await service.submit({}, tone(2.7));
    await service.until(body['job_id'], 'succeeded');
    const { audio } = (await requestOf(service, body['job_id'])) as { audio: { path: string } };
    await rm(join(service.data, audio.path));
    expect(await retry(service, body['job_id'])).toMatchObject({ status: 410, body: { code: 'audio_gone' } });
  });
});

test('the same Idempotency-Key makes one retry, and is not that of a submit', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const id = await ended(service);
  const send = () => retry(service, id, { seed: 1 }, { 'idempotency-key': 'k' });
  const answers = await Promise.all(Array.from({ length: 10 }, send));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(new Set(answers.map(({ body }) => body['job_id'] as string)).size).toBe(1);
  expect((await service.get('/jobs')).body['jobs']).toHaveLength(2);
  const other = await retry(service, id, { seed: 2 }, { 'idempotency-key': 'k' });
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
});

test('the limits of open jobs hold', async () => {
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, MAX_OPEN_JOBS: '2' } });
  const id = await ended(service);
  const answers = await Promise.all([1, 2, 3, 4].map((seed) => retry(service, id, { seed, title: 'fixture:slow=30' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
  expect(answers.find(({ status }) => status === 429)).toMatchObject({ body: { code: 'queue_full' } });
});

test("another client sees no job to retry; what the admin retries stays its owner's", async () => {
  const keys = { API_KEYS: 'alice:alice-key-0123456789,bob:bob-key-0123456789abc', ADMIN_KEY: 'admin-key-0123456789' };
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, ...keys } });
  const alice = { 'x-api-key': 'alice-key-0123456789' };
  const body = new FormData();
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
  const id = (await service.call('POST', '/process', { headers: alice, body })).body['job_id'] as string;
  await (await fetch(`${service.url}/jobs/${id}/stream`, { headers: alice })).text();
  expect((await retry(service, id)).status).toBe(401);
  expect((await retry(service, id, {}, { 'x-api-key': 'bob-key-0123456789abc' })).status).toBe(404);
  const again = await retry(service, id, {}, { 'x-api-key': 'admin-key-0123456789' });
  expect((await service.call('GET', `/jobs/${again.body['job_id']}`, { headers: alice })).status).toBe(200);
});

test('a beatmap that was sent along comes along again, or is left out with null', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const osu = 'osu file format v14\n\n[General]\nMode: 1\n\n[TimingPoints]\n500,400,4,1,0,60,1,0\n\n[HitObjects]\n';
  const body = new FormData();
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
  body.append('beatmap_file', new Blob([osu]), 'mine.osu');
  const id = (await service.call('POST', '/process', { body })).body['job_id'] as string;
  await service.until(id, ['succeeded', 'failed']);
  const { body: again } = await retry(service, id);
  const record = (await service.get(`/jobs/${again['job_id']}`)).body;
  expect(record).toMatchObject({ reference: { filename: 'mine.osu', gamemode: 1 }, params: { gamemode: 1 } });
  expect(await readFile(join(service.data, 'jobs', again['job_id'], 'reference.osu'), 'utf8')).toBe(osu);
  const { body: without } = await retry(service, id, { beatmap_file: null });
  expect((await service.get(`/jobs/${without['job_id']}`)).body['reference']).toBeNull();
});
