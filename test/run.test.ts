import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { eventually, startService, withFixtureModel } from './service.ts';

/** A database of its own for each test: an even one for the queue, the next for the cache. */
let database = 0;
function ownRedis() {
  const url = `${inject('redisUrl')}/${(database = (database + 2) % 16)}`;
  const cache = new Redis(url.replace(/\d+$/, String(database + 1)));
  onTestFinished(() => cache.disconnect());
  return { redisUrl: url, cache };
}

async function withWorkers(workers: number, env: Record<string, string> = {}) {
  const { redisUrl, cache } = ownRedis();
  const service = await startService({ redisUrl, workers, env: { ...withFixtureModel, ...env } });
  return { service, cache };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('thirty jobs are spread over three workers, and each ends once', async () => {
  const { service } = await withWorkers(3);
  const ids: string[] = [];
  for (let i = 0; i < 30; i += 1) ids.push((await service.submit({ title: `song ${i}` })).body['job_id']);
  await Promise.all(ids.map((id) => service.until(id, 'succeeded')));
  // A worker says so a moment after the outcome can be seen.
  const ended = await eventually(
    async () =>
      service.workers.map(({ lines }) =>
        lines.filter(({ msg }) => msg === 'The job ended.').map(({ jobId }) => jobId as string),
      ),
    (lists) => lists.flat().length >= ids.length,
  );
  expect(ended.flat().sort()).toEqual([...ids].sort());
  expect(Math.min(...ended.map((list) => list.length))).toBeGreaterThanOrEqual(4);
  for (const id of ids) expect(await readdir(join(service.data, 'jobs', id, 'claims'))).toEqual(['1']);
});

test('progress, metadata and file list are in the cache as the seed has them, and agree with the answers', async () => {
  const { service, cache } = await withWorkers(1);
  const { body } = await service.submit({ title: 'fixture:slow=2', artist: 'Ärtist', seed: '7' });
  const id = body['job_id'] as string;
  await service.until(id, 'running');
  const live = await eventually(
    async () => JSON.parse((await cache.get(`job_progress:${id}`)) ?? 'null') as Record<string, unknown> | null,
    (value) => Number(value?.['progress']) > 10,
  );
  expect(live).toEqual({
    progress: expect.any(Number) as number,
    stage: expect.stringMatching(/^[a-z_]+$/) as string,
    last_update: expect.any(Number) as number,
    estimated: false,
  });
  const metadata = (await cache.get(`job_metadata:${id}`))!;
  expect(metadata).toContain('\\u00c4rtist');
  expect(JSON.parse(metadata)).toMatchObject({ audio_filename: 'song.wav', params: { model: 'v32', seed: 7 } });
  expect(JSON.parse(metadata)['audio_path']).toMatch(/^audio_storage\//);
  await service.until(id, 'succeeded');
  const status = await service.get(`/jobs/${id}/status`);
  expect(status.body).toMatchObject({
    status: 'completed',
    state: 'succeeded',
    message: '处理完成',
    progress: 100,
    error: null,
  });
  const [files, progress] = await eventually(
    async () => {
      await service.get(`/jobs/${id}/status`); // the worker may have dropped the list after the first look
      return cache.mget(`output_files:${id}`, `job_progress:${id}`);
    },
    ([list]) => list !== null,
  );
  expect(JSON.parse(files!)).toEqual(status.body['output_files']);
  expect(JSON.parse(progress!)).toMatchObject({
    progress: 100,
    stage: 'completed',
    completed_at: expect.any(Number) as number,
  });
  const ttls = await Promise.all(
    ['job_progress', 'job_metadata', 'output_files'].map((family) => cache.ttl(`${family}:${id}`)),
  );
  expect(ttls[0]).toBeGreaterThan(7100);
  expect(ttls[1]).toBeGreaterThan(7100);
  expect(ttls[2]).toBeGreaterThan(3500);
});

test('progress never falls, and is 100 only when the job is done', async () => {
  const { service } = await withWorkers(1);
  const { body } = await service.submit({ title: 'fixture:slow=2' });
  const seen: number[] = [];
  for (;;) {
    const { body: now } = await service.get(`/jobs/${body['job_id']}/progress`);
    seen.push(now['progress']);
    if (now['status'] === 'completed') break;
    expect(now['progress']).toBeLessThan(100);
    await sleep(20);
  }
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(new Set(seen).size).toBeGreaterThan(4);
  expect(seen.at(-1)).toBe(100);
});

test('a map that breaks rules of mapping is no failure, and the record says which', async () => {
  const { service } = await withWorkers(1);
  const { body } = await service.submit({});
  const { report } = await service.until(body['job_id'], 'succeeded');
  const verifier = report['verifier'] as { blocking: number; advisory: number; issues: Record<string, unknown>[] };
  expect(verifier.blocking).toBeGreaterThan(0); // eight objects are no 30 s
  expect(verifier.issues).toContainEqual({
    id: 'B03',
    level: 'blocking',
    time: null,
    message: expect.stringContaining('less than 30 s') as string,
  });
  expect(verifier.issues.length).toBeLessThanOrEqual(50);
});

test.each([
  ['fixture:bad-year', 'invalid_request'],
  ['fixture:no-beat', 'no_beat_found'],
  ['fixture:oom', 'model_oom'],
  ['fixture:model-missing', 'model_missing'],
  ['fixture:garbage', 'invalid_result'],
  ['fixture:nothing', 'invalid_result'],
])('%s ends as failed with a code, never as completed', async (title, code) => {
  const { service } = await withWorkers(1);
  const { body } = await service.submit({ title });
  const record = await service.until(body['job_id'], 'failed');
  expect(record['error']).toMatchObject({
    detail: expect.any(String) as string,
    output: expect.any(Array) as string[],
  });
  if (code !== 'invalid_request') expect(record['error']['code']).toBe(code);
  const { body: status } = await service.get(`/jobs/${body['job_id']}/status`);
  expect(status).toMatchObject({ status: 'failed', message: '处理失败', output_files: null });
  expect(status['error']).toBe(record['error']['detail']);
  expect(status['progress']).toBeLessThan(100);
  expect(await service.get(`/jobs/${body['job_id']}/download`)).toMatchObject({ status: 404 });
  expect(await readdir(join(service.data, 'scratch'))).toEqual([]);
});

describe('cancel', () => {
  test('ends a running job with its whole process group, also one that ignores TERM', async () => {
    const { service } = await withWorkers(1);
    const { body } = await service.submit({ title: 'fixture:hang fixture:grandchild' });
    const id = body['job_id'] as string;
    const said = await eventually(
      async () => /"grandchild (\d+)"/.exec(await readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8')),
      (found) => found !== null,
    );
    const grandchild = Number(said![1]);
    expect(isAlive(grandchild)).toBe(true);
    const started = Date.now();
    const answer = await service.call('POST', `/jobs/${id}/cancel`);
    expect(Date.now() - started).toBeLessThan(1000);
    expect(answer.body).toMatchObject({ status: 'cancelled', message: '任务已取消' });
    await service.until(id, 'cancelled', 10_000);
    await eventually(
      async () => isAlive(grandchild),
      (alive) => !alive,
    );
    const again = await service.call('POST', `/jobs/${id}/cancel`);
    expect(again.body).toMatchObject({ status: 'already_finished', state: 'cancelled' });
    expect((await service.get(`/jobs/${id}/status`)).body).toMatchObject({ status: 'failed', state: 'cancelled' });
  });

  test('ends a queued job at once, and it never runs', async () => {
    const { service } = await withWorkers(1);
    const first = await service.submit({ title: 'fixture:slow=2' });
    const second = await service.submit();
    expect((await service.get(`/jobs/${second.body['job_id']}/status`)).body).toMatchObject({ status: 'queued' });
    const answer = await service.call('POST', `/jobs/${second.body['job_id']}/cancel`);
    expect(answer.body).toMatchObject({ status: 'cancelled', state: 'cancelled' });
    await service.until(first.body['job_id'], 'succeeded');
    await sleep(500);
    expect((await service.get(`/jobs/${second.body['job_id']}`)).body).toMatchObject({
      state: 'cancelled',
      started_at: null,
    });
  });

  test('comes too late for a finished job, which stays completed', async () => {
    const { service } = await withWorkers(1);
    const { body } = await service.submit();
    await service.until(body['job_id'], 'succeeded');
    const answer = await service.call('POST', `/jobs/${body['job_id']}/cancel`);
    expect(answer.body).toMatchObject({ status: 'already_finished', message: '任务已完成', state: 'succeeded' });
    expect((await service.get(`/jobs/${body['job_id']}`)).body['state']).toBe('succeeded');
  });
});

test('a worker that gets TERM gives its job back unspent, and another finishes it', async () => {
  const { service } = await withWorkers(1);
  const { body } = await service.submit({ title: 'fixture:slow=3' });
  const id = body['job_id'] as string;
  await service.until(id, 'running');
  await sleep(500);
  const before = (await service.get(`/jobs/${id}/progress`)).body['progress'] as number;
  const second = await service.start('worker');
  expect(await service.workers[0]!.end('SIGTERM')).toEqual({ code: 0, signal: null });
  const record = await service.until(id, 'succeeded');
  expect(record['attempt']).toBe(2);
  expect(before).toBeGreaterThan(0);
  expect(second.lines.some(({ msg, jobId }) => msg === 'The job ended.' && jobId === id)).toBe(true);
});

test('a job whose worker is killed runs again on another within 30 s, with no engine left behind', async () => {
  const { service } = await withWorkers(1);
  const { body } = await service.submit({ title: 'fixture:slow=4' });
  const id = body['job_id'] as string;
  await service.until(id, 'running');
  await service.start('worker');
  const killedAt = Date.now();
  await service.workers[0]!.end('SIGKILL');
  const again = await service.until(id, 'succeeded', 40_000);
  expect(again['attempt']).toBe(2);
  const claimed = JSON.parse(await readFile(join(service.data, 'jobs', id, 'claims', '2'), 'utf8')) as {
    claimedAt: number;
  };
  expect(claimed.claimedAt - killedAt).toBeLessThan(30_000);
  const outputs = await readdir(join(service.data, 'outputs', id));
  expect(outputs).toHaveLength(1);
}, 60_000);
