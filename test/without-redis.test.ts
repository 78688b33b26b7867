import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { freePort } from '../src/cli/free-port.ts';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel } from './service.ts';
import { synthesise, wavBytes } from './song.ts';

/** The built-in generator finds a beat in it. */
const song = wavBytes(synthesise({ bpm: 150, offsetMs: 300, seconds: 20 }));

test('without Redis a job runs in the forked worker, with the same answers', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const { status, body } = await service.submit({ title: 'fixture:slow=1' });
  expect(status).toBe(200);
  const id = body['job_id'] as string;
  await service.until(id, 'running');
  const live = await eventually(
    async () => (await service.get(`/jobs/${id}/progress`)).body,
    ({ progress }) => progress > 0,
  );
  expect(live).toMatchObject({ status: 'running', estimated: false });
  const record = await service.until(id, 'succeeded');
  expect(record).toMatchObject({ engine: 'mapperatorinator', model: 'v32', progress: 100 });
  expect((await service.get('/debug/redis')).body).toMatchObject({
    status: 'disabled',
    message: 'Redis未启用',
    cache_stats: null,
    mode: 'memory',
    roles: { cache: null, queue: null },
  });
  expect((await service.get('/readyz')).body).toMatchObject({ status: 'ready', mode: 'memory' });
  const debug = (await service.get(`/jobs/${id}/debug`)).body;
  expect(debug['cache_status']).toMatchObject({ progress_cached: true, metadata_cached: true });
});

test('accepted jobs survive a kill of API and worker, without any Redis', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'service-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const first = await startService({ redisUrl: null, env: withFixtureModel, dataDir });
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.push((await first.submit({ title: 'fixture:slow=1' })).body['job_id']);
  await first.until(ids[0]!, 'running');
  await first.apis[0]!.end('SIGKILL');
  const second = await startService({ redisUrl: null, env: withFixtureModel, dataDir });
  for (const id of ids) await second.until(id, 'succeeded');
  expect((await second.get('/jobs')).body['jobs'].map(({ job_id: id }: { job_id: string }) => id)).toEqual(
    [...ids].reverse(),
  );
}, 60_000);

test('a Redis that comes later is used, and jobs that were taken before it end once', async () => {
  const port = await freePort();
  const service = await startService({ redisUrl: `redis://127.0.0.1:${port}/0`, env: withFixtureModel });
  const before = await service.submit({ title: 'fixture:slow=1' });
  await service.until(before.body['job_id'], 'succeeded');
  const redis = await startRedis({ port });
  onTestFinished(() => redis.stop());
  await eventually(
    async () => (await service.get('/debug/redis')).body,
    ({ status, mode }) => status === 'connected' && mode === 'redis',
  );
  await service.start('worker');
  const after = await service.submit({}, song);
  await service.until(after.body['job_id'], 'succeeded');
}, 60_000);

test('when Redis dies under waiting jobs the forked worker takes them over', async () => {
  const redis = await startRedis();
  const service = await startService({ redisUrl: `${redis.url}/0`, env: withFixtureModel });
  const { body } = await service.submit({}, song); // no worker is there: it waits in the queue
  expect((await service.get(`/jobs/${body['job_id']}`)).body['state']).toBe('queued');
  await redis.kill();
  const started = Date.now();
  const next = await service.submit({ model: 'builtin' });
  expect(next.status).toBe(200);
  expect(Date.now() - started).toBeLessThan(1_000);
  await service.until(body['job_id'], 'succeeded');
}, 60_000);
