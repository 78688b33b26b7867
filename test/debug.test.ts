import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel } from './service.ts';

async function redisAt(args: string[] = []) {
  const server = await startRedis({ args });
  onTestFinished(() => server.stop());
  return server;
}

test("GET /debug/redis has the seed's fields, and says of both Redis what an operator needs", async () => {
  const queue = await redisAt(['--appendonly', 'yes']);
  const cache = await redisAt(['--maxmemory', '256mb', '--maxmemory-policy', 'allkeys-lru']);
  const service = await startService({
    redisUrl: `${queue.url}/0`,
    workers: 1,
    env: { ...withFixtureModel, REDIS_PORT: String(cache.port), REDIS_DB: '1' },
  });
  const { body: job } = await service.submit();
  await service.until(job['job_id'], 'succeeded');
  await service.get(`/jobs/${job['job_id']}/files`);
  const look = new Redis({ port: cache.port, db: 1 });
  onTestFinished(() => look.disconnect());
  await look.set('somebody:else', 'x');
  const body = await eventually(
    async () => (await service.get('/debug/redis')).body,
    ({ cache_stats: counts }) => counts?.output_files === 1,
  );
  expect(body).toMatchObject({
    status: 'connected',
    database: 1,
    redis_info: {
      version: expect.stringMatching(/^\d+\./) as string,
      used_memory: expect.stringMatching(/^[\d.]+[KMG]$/) as string,
      connected_clients: expect.any(Number) as number,
      total_commands_processed: expect.any(Number) as number,
    },
    cache_stats: { job_progress: 1, job_metadata: 1, output_files: 1, model_config: 0 },
    mode: 'redis',
    jobs_through: 'queue',
    roles: {
      cache: { up: true, port: cache.port, eviction_policy: 'allkeys-lru', maxmemory: 268435456, warning: null },
      queue: { up: true, port: queue.port, eviction_policy: 'noeviction', append_only_file: true, warning: null },
      shared: false,
    },
    memory: { complete: true, families: { job_progress: { keys: 1, without_ttl: 0 } } },
    queue: { mapperatorinator: { completed: 1 } },
  });
  expect(body['lookups'].this_process.hits + body['lookups'].this_process.misses).toBeGreaterThan(0);
  expect(body['lookups'].server.hits).toBeGreaterThan(0);
  expect(body['workers']).toHaveLength(1);
  // The seed reckons with 2 to 5 kB a job, so that 256 MB hold tens of thousands.
  expect(body['memory'].bytes_per_job).toBeGreaterThan(200);
  expect(body['memory'].bytes_per_job).toBeLessThan(5_000);
  expect(body['memory'].jobs_that_fit).toBeGreaterThan(50_000);
  expect(JSON.stringify(body)).not.toContain(service.data);
});

test('a Redis that serves both, evicts and writes nothing down is warned of in words', async () => {
  const redis = await redisAt(['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru']);
  const service = await startService({ redisUrl: `${redis.url}/0`, workers: 1, env: withFixtureModel });
  const { roles } = (await service.get('/debug/redis')).body;
  expect(roles.shared).toBe(true);
  expect(roles.queue.warning).toMatch(/allkeys-lru and may drop .* set "maxmemory-policy noeviction"/);
  expect(roles.cache.warning).toBeNull();
});

test('a Redis that is away is an error in words, and the cache is in memory', async () => {
  const redis = await redisAt();
  const service = await startService({ redisUrl: `${redis.url}/0`, env: withFixtureModel });
  redis.freeze();
  const { body } = await eventually(
    () => service.get('/debug/redis'),
    ({ body: answer }) => answer['status'] === 'error',
  );
  expect(body).toMatchObject({ mode: 'memory', cache_stats: null, memory: null, queue: null });
  expect(body['message']).toMatch(/not reachable \(.+\); the cache is in memory\.$/);
  expect(body['roles'].cache).toMatchObject({ up: false, reason: expect.any(String) as string, version: null });
});

test("GET /jobs/{id}/debug has the seed's fields, and who ran it, where the queue has it and what is cached", async () => {
  const redis = await redisAt();
  const service = await startService({ redisUrl: `${redis.url}/0`, workers: 1, env: withFixtureModel });
  const { body: job } = await service.submit({ title: 'fixture:slow=1' });
  const id = job['job_id'] as string;
  await service.until(id, 'running');
  const live = (await service.get(`/jobs/${id}/debug`)).body;
  expect(live).toMatchObject({ is_active: true, queue_state: 'active', claim: { attempt: 1, state: 'held' } });
  await service.until(id, 'succeeded');
  const { body } = await service.get(`/jobs/${id}/debug`);
  expect(body).toMatchObject({
    job_id: id,
    recent_outputs: expect.any(Array) as string[],
    progress_info: { progress: 100, stage: 'completed', estimated: false },
    total_output_lines: expect.any(Number) as number,
    is_active: false,
    cache_status: { progress_cached: true, metadata_cached: true },
    metadata: { audio_filename: 'song.wav', params: { model: 'v32' } },
    cache_mode: 'redis',
    attempts: [{ attempt: 1, state: 'ended', owner: expect.stringMatching(/:\d+:/) as string }],
  });
  expect(body['recent_outputs'].at(-1)).toMatch(/\n$/);
  expect(body['recent_outputs'].length).toBeLessThanOrEqual(20);
  expect(body['elapsed_time']).toBeGreaterThan(0.9);
  expect((await service.get('/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/debug')).status).toBe(404);
});

test('the manual snippets of the seed do what they say: deleted keys are made again from the record', async () => {
  const redis = await redisAt();
  const service = await startService({ redisUrl: `${redis.url}/0`, workers: 1, env: withFixtureModel });
  const look = new Redis({ port: redis.port, db: 1 });
  onTestFinished(() => look.disconnect());
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.push((await service.submit()).body['job_id']);
  for (const id of ids) await service.until(id, 'succeeded');
  const keysOf = (id: string) => ['job_progress', 'job_metadata', 'output_files'].map((family) => `${family}:${id}`);
  const ask = async (id: string) => {
    await Promise.all([service.get(`/jobs/${id}/debug`), service.get(`/jobs/${id}/files`)]);
    return look.mget(keysOf(id));
  };
  const before = await Promise.all(
    ids.map((id) =>
      eventually(
        () => ask(id),
        (found) => !found.includes(null),
      ),
    ),
  );

  await look.del(keysOf(ids[0]!)); // one job
  expect(await look.mget(keysOf(ids[0]!))).toEqual([null, null, null]);
  expect(await ask(ids[0]!)).toEqual(before[0]);
  for (const pattern of ['job_progress:*', 'job_metadata:*', 'output_files:*']) {
    const keys = await look.keys(pattern); // as the snippet does
    expect(keys).toHaveLength(3);
    await look.del(keys);
  }
  expect(await Promise.all(ids.map(ask))).toEqual(before);
  const ttls = await Promise.all(keysOf(ids[0]!).map((key) => look.ttl(key)));
  expect(ttls.map((ttl) => Math.ceil(ttl / 600) * 600)).toEqual([7200, 7200, 3600]);
});
