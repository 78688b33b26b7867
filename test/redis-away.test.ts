import { rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../src/cli/free-port.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service } from './service.ts';

/** No request may wait longer than this because of Redis. */
const redisWaitMs = 250;
const lines = (service: Service, message: string, role?: string) =>
  service.apis[0]!.lines.filter(({ msg, role: of }) => msg === message && (role === undefined || of === role));
const away = 'Redis is away; going on without it.';

/** A service with a queue's and a cache's Redis of its own and one worker. */
async function withTwoRedis({ queueArgs = [] as string[], cacheArgs = [] as string[] } = {}) {
  const queue = await startRedis({ args: queueArgs });
  const cache = await startRedis({ args: cacheArgs });
  const service = await startService({
    redisUrl: `${queue.url}/0`,
    workers: 1,
    env: { ...withFixtureModel, REDIS_PORT: String(cache.port), REDIS_DB: '1' },
  });
  onTestFinished(async () => {
    await queue.stop().catch(() => undefined);
    await cache.stop().catch(() => undefined);
  });
  return { queue, cache, service };
}

/**
 * Every kind of request, one after the other; how long the slowest took, less what the machine itself is slow with: what an answer
 * that knows no Redis (`/healthz`) took at the same time.
 */
async function slowestRequest(service: Service, id: string): Promise<number> {
  let slowest = 0;
  const timed = async (call: () => Promise<{ status: number }>) => {
    const started = performance.now();
    const answer = call();
    let answered = false;
    void answer.finally(() => (answered = true)).catch(() => undefined);
    let machine = 0;
    while (!answered) {
      const asked = performance.now();
      await service.get('/healthz');
      machine = Math.max(machine, performance.now() - asked);
      await sleep(10);
    }
    const { status } = await answer;
    slowest = Math.max(slowest, performance.now() - started - machine);
    expect(status).toBeLessThan(504);
  };
  for (const path of ['', '/status', '/progress', '/files', '/debug'])
    await timed(() => service.get(`/jobs/${id}${path}`));
  for (const path of ['/jobs', '/readyz', '/healthz', '/models', '/models/v32', '/debug/redis'])
    await timed(() => service.get(path));
  await timed(() => service.call('POST', `/jobs/${id}/cancel`));
  return slowest;
}

/** The terminal events that a viewer of the whole log gets to see, and the attempts that the job took. */
async function endOf(service: Service, id: string) {
  const text = ((await service.get(`/jobs/${id}/stream`)).body as { text: string }).text;
  return (text.match(/^event: (completed|failed)/gm) ?? []).length;
}

type Role = 'queue' | 'cache';
const outages: Record<string, (redis: RedisServer) => Promise<() => Promise<void>>> = {
  'killed and started again': async (redis) => {
    await redis.kill();
    return async () => {
      const again = await startRedis({ port: redis.port });
      onTestFinished(() => again.stop());
    };
  },
  frozen: async (redis) => {
    redis.freeze();
    return async () => redis.thaw();
  },
  'out of memory': async (redis) => {
    const admin = new Redis(redis.url);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'maxmemory', '1');
    return async () => {
      await admin.config('SET', 'maxmemory', '0');
      admin.disconnect();
    };
  },
  'closed by a new password': async (redis) => {
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 'changed');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    return async () => {
      await admin.config('SET', 'requirepass', '');
      admin.disconnect();
    };
  },
};

const cases = Object.keys(outages).flatMap((kind) =>
  ([['queue'], ['cache'], ['queue', 'cache']] as Role[][]).map((roles) => ({ kind, roles, gone: roles.join(' and ') })),
);

describe.each(cases)('the Redis of the $gone $kind', ({ kind, roles }) => {
  test('nobody waits, the running job ends, a new one is run, and all is as before when it is back', async () => {
    const { queue, cache, service } = await withTwoRedis();
    const before = (await service.submit({ title: 'fixture:slow=3' })).body['job_id'] as string;
    await service.until(before, 'running');
    const done = (await service.submit({ title: 'fixture:no-beat' })).body['job_id'] as string;

    const restore = await Promise.all(roles.map((role) => outages[kind]!(role === 'queue' ? queue : cache)));
    const slowest = await slowestRequest(service, done);
    expect(slowest).toBeLessThan(redisWaitMs + 150);
    const during = await service.submit({ title: 'fixture:slow=1' });
    expect(during.status).toBe(200);
    await service.until(before, 'succeeded');
    await service.until(during.body['job_id'], 'succeeded');
    expect((await service.get('/readyz')).body).toMatchObject({
      status: 'ready',
      mode: roles.includes('queue') ? 'memory' : 'redis',
    });
    for (const role of roles) expect(lines(service, away, role)).toHaveLength(1);

    await Promise.all(restore.map((back) => back()));
    await eventually(
      async () => lines(service, 'Redis is back.').length,
      (count) => count === roles.length,
    );
    await eventually(
      async () => (await service.get('/readyz')).body,
      ({ mode, status }) => mode === 'redis' && status === 'ready',
    );
    const after = (await service.submit({ title: 'after' })).body['job_id'] as string;
    await service.until(after, 'succeeded');
    for (const id of [before, during.body['job_id'] as string, after]) {
      expect((await service.get(`/jobs/${id}/files`)).body['files']).toHaveLength(1);
      expect(await endOf(service, id)).toBe(1);
    }
    const look = new Redis({ port: cache.port, db: 1 });
    onTestFinished(() => look.disconnect());
    for (const id of [before, after]) {
      await eventually(
        async () => {
          await Promise.all([service.get(`/jobs/${id}/debug`), service.get(`/jobs/${id}/files`)]);
          return look.mget(`job_progress:${id}`, `job_metadata:${id}`, `output_files:${id}`);
        },
        (found) => !found.includes(null),
        3_000,
      );
    }
    for (const role of roles) {
      expect(lines(service, away, role)).toHaveLength(1);
      expect(lines(service, 'Redis is back.', role)).toHaveLength(1);
    }
  }, 60_000);
});

test('with a wrong password the service runs from memory and says why, once', async () => {
  const redis = await startRedis({ args: ['--requirepass', 'right'] });
  onTestFinished(() => redis.stop());
  const service = await startService({
    redisUrl: `redis://:wrong@127.0.0.1:${redis.port}/0`,
    env: { ...withFixtureModel, REDIS_PASSWORD: 'wrong' },
  });
  const { body } = await service.submit();
  await service.until(body['job_id'], 'succeeded');
  expect(await slowestRequest(service, body['job_id'])).toBeLessThan(redisWaitMs + 150);
  await sleep(1_500);
  for (const role of ['queue', 'cache']) {
    const [line, ...more] = lines(service, away, role);
    expect(line!['reason']).toMatch(/WRONGPASS|invalid password/);
    expect(more).toEqual([]);
  }
  expect(JSON.stringify(service.apis[0]!.lines)).not.toContain('"wrong"');
}, 60_000);

test('a Redis that flickers is back with every flicker, and nothing is lost or run twice', async () => {
  const { queue, cache, service } = await withTwoRedis();
  const ids: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    ids.push((await service.submit({ title: 'fixture:slow=0.5' })).body['job_id']);
    for (const redis of [queue, cache]) redis.freeze();
    ids.push((await service.submit({ title: 'fixture:slow=0.5' })).body['job_id']);
    await sleep(700);
    for (const redis of [queue, cache]) redis.thaw();
    await sleep(300);
  }
  for (const id of ids) {
    await service.until(id, 'succeeded');
    expect(await endOf(service, id)).toBe(1);
  }
}, 60_000);

test('a second outage finds a worker, though the first one still ends what it runs', async () => {
  const queue = await startRedis();
  const service = await startService({
    redisUrl: `${queue.url}/0`,
    env: { ...withFixtureModel, ENGINE: 'mapperatorinator', CUDA_VISIBLE_DEVICES: '0,0' },
  });
  await queue.kill();
  const long = (await service.submit({ title: 'fixture:slow=40' })).body['job_id'] as string;
  await service.until(long, 'running');
  const again = await startRedis({ port: queue.port });
  await eventually(
    async () => (await service.get('/readyz')).body,
    ({ mode }) => mode === 'redis',
  );
  await eventually(
    async () => (await service.get('/readyz')).body,
    ({ workers }) => workers === 0, // the forked one takes nothing new, and there is no other
  );
  await again.kill();
  const short = (await service.submit({ title: 'fixture:slow=0.2' })).body['job_id'] as string;
  await service.until(short, 'succeeded', 15_000);
  expect((await service.get(`/jobs/${long}`)).body).toMatchObject({ state: 'running', attempt: 1 });

  // What begins in the second outage outlives the third change, though the first job ends before it.
  const last = (await service.submit({ title: 'fixture:slow=50' })).body['job_id'] as string;
  await service.until(last, 'running');
  const third = await startRedis({ port: queue.port });
  onTestFinished(() => third.stop());
  await eventually(
    async () => (await service.get('/readyz')).body,
    ({ workers }) => workers === 0,
  );
  await service.until(long, 'succeeded');
  await sleep(1_000);
  expect((await service.get(`/jobs/${last}`)).body).toMatchObject({ state: 'running', attempt: 1 });
  await service.call('POST', `/jobs/${last}/cancel`);
  await service.until(last, 'cancelled');
}, 120_000);

test('a job whose list the queue has lost is handed over again', async () => {
  const { queue, service } = await withTwoRedis();
  const busy = (await service.submit({ title: 'fixture:slow=8' })).body['job_id'] as string;
  await service.until(busy, 'running');
  const waiting = (await service.submit()).body['job_id'] as string;
  const look = new Redis(queue.url);
  onTestFinished(() => look.disconnect());
  const list = 'mapperatorinator:generate-mapperatorinator:prioritized';
  await eventually(
    () => look.zrange(list, '0', '-1'),
    (ids) => ids.includes(waiting),
  );
  await look.del(list); // as an eviction would: the job's own key is still there
  await service.until(waiting, 'succeeded', 40_000);
}, 60_000);

test('a cache that comes back when somebody has removed the list of open jobs harms nobody', async () => {
  const { cache, service } = await withTwoRedis();
  await cache.kill();
  await eventually(
    async () => lines(service, away, 'cache').length,
    (count) => count === 1,
  );
  await rm(join(service.data, 'unfinished'), { recursive: true });
  const again = await startRedis({ port: cache.port });
  onTestFinished(() => again.stop());
  await eventually(
    async () => lines(service, 'Redis is back.', 'cache').length,
    (count) => count === 1,
  );
  await sleep(500);
  expect(service.apis[0]!.child.exitCode).toBeNull();
  await service.until((await service.submit()).body['job_id'], 'succeeded');
}, 60_000);

test('what the cache holds of a job that ended without it is made final', async () => {
  const { cache, service } = await withTwoRedis();
  const id = (await service.submit({ title: 'fixture:slow=5' })).body['job_id'] as string;
  await service.until(id, 'running');
  await sleep(500);
  cache.freeze();
  expect((await service.get(`/jobs/${id}`)).body['state']).toBe('running');
  await service.until(id, 'succeeded');
  cache.thaw();
  const { metadata } = await eventually(
    async () => (await service.get(`/jobs/${id}/debug`)).body,
    ({ cache_mode: mode }) => mode === 'redis',
  );
  expect(metadata.completed_at).toEqual(expect.any(Number));
  const look = new Redis({ port: cache.port, db: 1 });
  onTestFinished(() => look.disconnect());
  await eventually(
    async () => JSON.parse((await look.get(`job_metadata:${id}`)) ?? '{}') as object,
    (cached) => 'completed_at' in cached,
  );
}, 60_000);

test('a database that the server does not have counts as away, and its cache goes nowhere else', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const service = await startService({
    redisUrl: `${redis.url}/0`,
    workers: 1,
    env: { ...withFixtureModel, REDIS_DB: '99' },
  });
  await service.until((await service.submit()).body['job_id'], 'succeeded');
  const { body } = await service.get('/debug/redis');
  expect(body['roles'].cache).toMatchObject({ up: false, reason: expect.stringContaining('out of range') as string });
  const look = new Redis(redis.url);
  onTestFinished(() => look.disconnect());
  expect((await look.keys('*')).filter((key) => !key.startsWith('mapperatorinator:'))).toEqual([]);
}, 60_000);

/** A Redis behind a wire that holds every command up for a while. */
async function behindSlowWire(redis: RedisServer) {
  let delayMs = 0;
  const server = createServer((client) => {
    const upstream = connect(redis.port, '127.0.0.1');
    client.on('data', (chunk) => setTimeout(() => upstream.write(chunk), delayMs));
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, slow: (ms: number) => (delayMs = ms) };
}

test('a Redis that is slow, but not too slow to be used, keeps no request for longer than a frozen one', async () => {
  const [queue, cache] = await Promise.all([startRedis(), startRedis()]);
  onTestFinished(async () => void (await Promise.all([queue.stop(), cache.stop()])));
  const [queueWire, cacheWire] = await Promise.all([behindSlowWire(queue), behindSlowWire(cache)]);
  const service = await startService({
    redisUrl: `redis://127.0.0.1:${queueWire.port}/0`,
    workers: 1,
    env: { ...withFixtureModel, REDIS_PORT: String(cacheWire.port), REDIS_DB: '1' },
  });
  const done = (await service.submit()).body['job_id'] as string;
  await service.until(done, 'succeeded');
  const running = (await service.submit({ title: 'fixture:slow=30' })).body['job_id'] as string;
  await service.until(running, 'running');
  const waiting = (await service.submit()).body['job_id'] as string;
  const look = new Redis({ port: cache.port, db: 1 });
  onTestFinished(() => look.disconnect());
  for (const wire of [queueWire, cacheWire]) wire.slow(40);
  await sleep(1_000);
  expect((await service.get('/debug/redis')).body).toMatchObject({ mode: 'redis' });
  const took: Record<string, number> = {};
  const paths = ['', '/status', '/files', '/debug'].map((path) => `/jobs/${done}${path}`);
  for (const path of [...paths, `/jobs/${running}/progress`, '/models/v32', '/readyz', `/jobs/${waiting}/cancel`]) {
    await look.flushdb(); // nothing is in the cache: the longest way
    const started = performance.now();
    await service.call(path.endsWith('/cancel') ? 'POST' : 'GET', path);
    took[path] = Math.round(performance.now() - started);
  }
  expect(Math.max(...Object.values(took)), JSON.stringify(took)).toBeLessThan(redisWaitMs + 150);
  await service.call('POST', `/jobs/${running}/cancel`);
}, 60_000);

test('a running job stays in the caches when their Redis comes back empty', async () => {
  const { cache, service } = await withTwoRedis();
  const id = (await service.submit({ title: 'fixture:slow=8' })).body['job_id'] as string;
  await service.until(id, 'running');
  await cache.kill();
  const again = await startRedis({ port: cache.port });
  onTestFinished(() => again.stop());
  const look = new Redis({ port: cache.port, db: 1 });
  onTestFinished(() => look.disconnect());
  const [progress, metadata] = await eventually(
    () => look.mget(`job_progress:${id}`, `job_metadata:${id}`),
    (found) => !found.includes(null),
    6_000,
  );
  expect(JSON.parse(progress!)).not.toHaveProperty('completed_at');
  expect(JSON.parse(metadata!)).toMatchObject({ audio_filename: 'song.wav' });
  await service.until(id, 'succeeded');
}, 60_000);

test('a server that is not there is told in the log with the reason', async () => {
  const port = await freePort();
  const service = await startService({ redisUrl: `redis://127.0.0.1:${port}/0`, env: withFixtureModel });
  await sleep(1_200);
  expect(lines(service, away, 'queue')[0]!['reason']).toMatch(/ECONNREFUSED/);
}, 30_000);
