import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const own = async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return `${redis.url}/0`;
};

async function submitted(service: Service, count: number, seconds: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const { body } = await service.submit({ title: `fixture:slow=${seconds}` });
    ids.push(body['job_id'] as string);
  }
  return ids;
}

const recordsOf = (service: Service, ids: string[]) =>
  Promise.all(ids.map(async (id) => (await service.get(`/jobs/${id}`)).body));

/** The longest time, ms, for which any job that waits said another place than the records of those before it. */
async function longestUntruth(service: Service, ids: string[], meanwhile: (running: number) => Promise<void>) {
  const wrongSince = new Map<string, number>();
  let longest = 0;
  let looks = 0;
  for (;;) {
    const records = await recordsOf(service, ids);
    const at = Date.now();
    let before = 0;
    for (const { job_id: id, state, queue } of records as { job_id: string; state: string; queue: unknown }[]) {
      if (state !== 'queued') {
        expect(queue).toBeNull();
        wrongSince.delete(id);
        continue;
      }
      looks += 1;
      if ((queue as { ahead: number } | null)?.ahead === before) wrongSince.delete(id);
      else longest = Math.max(longest, at - (wrongSince.get(id) ?? wrongSince.set(id, at).get(id) ?? at));
      before += 1;
    }
    if (records.every(({ state }) => ['succeeded', 'cancelled'].includes(state as string))) return { longest, looks };
    await meanwhile(records.filter(({ state }) => state === 'succeeded').length);
    await sleep(50);
  }
}

describe.each([
  ['in the queue, with two workers', true],
  ['in the forked worker', false],
])('%s', (_name, hasRedis) => {
  test(
    'a job says how many start before it, right within a second of each change, a cancel among them',
    { timeout: 60_000 },
    async () => {
      const redisUrl = hasRedis ? await own() : null;
      const service = await startService({ redisUrl, workers: hasRedis ? 2 : 0, env: withFixtureModel });
      const ids = await submitted(service, 7, hasRedis ? 1.5 : 0.7);
      let cancelled = false;
      const { longest, looks } = await longestUntruth(service, ids, async (done) => {
        if (cancelled || done < 2) return;
        cancelled = true;
        await service.call('POST', `/jobs/${ids[5]}/cancel`);
      });
      expect(cancelled).toBe(true);
      expect(looks).toBeGreaterThan(50);
      expect(longest).toBeLessThan(1000);
    },
  );
});

test('a job that a worker gives back is the next again', { timeout: 60_000 }, async () => {
  const service = await startService({ redisUrl: await own(), workers: 1, env: withFixtureModel });
  const [first = '', second = '', third = ''] = await submitted(service, 3, 3);
  await service.until(first, 'running');
  const places = async () => (await recordsOf(service, [first, second, third])).map(({ queue }) => queue?.ahead);
  await eventually(places, (found) => JSON.stringify(found) === '[null,0,1]');
  await service.workers[0]!.end('SIGTERM');
  expect((await service.get(`/jobs/${first}`)).body['state']).toBe('queued');
  expect(await places()).toEqual([0, 1, 2]);
  await service.start('worker');
  await service.until(first, 'succeeded');
  expect((await service.get(`/jobs/${third}`)).body['state']).toBe('queued');
});

test(
  'jobs that an earlier version has put into the queue come first, and none is lost',
  { timeout: 60_000 },
  async () => {
    const url = await own();
    const service = await startService({ redisUrl: url, env: { ...withFixtureModel, ENGINE: 'mapperatorinator' } });
    const [first = '', second = '', old = ''] = await submitted(service, 3, 0);
    const { body } = await service.get(`/jobs/${old}`);
    await eventually(
      async () => (await recordsOf(service, [old]))[0]!['queue'],
      (queue) => queue?.ahead === 2,
    );
    const { hostname: host, port } = new URL(url);
    const queue = new Queue(`generate-${body['engine']}`, {
      connection: { host, port: Number(port) },
      prefix: 'mapperatorinator',
    });
    onTestFinished(() => queue.close());
    await queue.remove(old);
    await queue.add('generate', { id: old }, { jobId: old }); // as before: without a priority
    const places = (await recordsOf(service, [old, first, second])).map((record) => record['queue'].ahead as number);
    expect(places).toEqual([0, 1, 2]);
    expect((await service.get('/debug/redis')).body['queue'][body['engine'] as string]['waiting']).toBe(3);
    await service.start('worker');
    const ended = [];
    for (const id of [old, first, second]) ended.push((await service.until(id, 'succeeded'))['started_at'] as string);
    expect(ended).toEqual(ended.toSorted());
  },
);

test('a stream tells the place at once and whenever it changes, until the job runs', { timeout: 60_000 }, async () => {
  const service = await startService({ redisUrl: `${redisUrlOfFile}/11`, workers: 1, env: withFixtureModel });
  const ids = await submitted(service, 3, 1);
  const response = await fetch(`${service.url}/jobs/${ids[2]}/stream`);
  const frames = (await response.text()).split('\r\n\r\n');
  const told = frames.filter((frame) => frame.includes('event: estimate'));
  const places = told.map((frame) => (JSON.parse(/data: (.*)/.exec(frame)![1]!) as { ahead: number | null }).ahead);
  expect(frames[0]).toContain('event: snapshot');
  expect(places.slice(0, 3)).toEqual([1, 0, null]);
  expect(told.every((frame) => !/^id:/m.test(frame))).toBe(true);
});

test('?after= goes on behind an event, as Last-Event-ID does, and that wins where both are sent', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const { body } = await service.submit();
  await service.until(body['job_id'], 'succeeded');
  const idsAfter = async (query: string, headers: Record<string, string> = {}) => {
    const { body: stream } = await service.call('GET', `/jobs/${body['job_id']}/stream${query}`, { headers });
    return [...(stream['text'] as string).matchAll(/^id: (\d+)/gm)].map(([, id]) => Number(id));
  };
  const all = await idsAfter('');
  expect(all.length).toBeGreaterThan(5);
  expect(await idsAfter('?after=3')).toEqual(all.filter((id) => id > 3));
  expect(await idsAfter('?after=3', { 'last-event-id': '5' })).toEqual(all.filter((id) => id > 5));
  for (const nonsense of ['x', '-1', '', '%00', '1e999', '3&after=4']) {
    const ids = await idsAfter(`?after=${nonsense}`);
    expect(ids.at(-1), nonsense).toBe(all.at(-1));
  }
});

describe('the estimated end', () => {
  test('is told once three jobs of the kind have succeeded, as a range that holds', { timeout: 60_000 }, async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const eta = async (id: string) => (await service.get(`/jobs/${id}`)).body['eta'] as Record<string, number> | null;
    for (let i = 0; i < 3; i += 1) {
      const [id = ''] = await submitted(service, 1, 1);
      await service.until(id, 'running');
      expect(await eta(id)).toBeNull();
      await service.until(id, 'succeeded');
      expect(await eta(id)).toBeNull();
    }
    await sleep(2_500); // what was learned is looked at every two seconds
    const [first = '', second = '', third = ''] = await submitted(service, 3, 1);
    await service.until(first, 'running');
    const askedAt = Date.now();
    await eventually(
      () => eta(third),
      (found) => found !== null,
    );
    const [one, two, three] = await Promise.all([eta(first), eta(second), eta(third)]);
    for (const range of [one, two, three]) {
      expect(range!['from_seconds']).toBeGreaterThanOrEqual(0);
      expect(range!['to_seconds']).toBeGreaterThanOrEqual(range!['from_seconds']!);
    }
    expect(three!['to_seconds']).toBeGreaterThan(two!['to_seconds']!);
    expect(two!['to_seconds']).toBeGreaterThan(one!['to_seconds']!);
    await service.until(third, 'succeeded');
    const took = (Date.now() - askedAt) / 1000;
    expect(took).toBeGreaterThan(three!['from_seconds']! - 2);
    expect(took).toBeLessThan(three!['to_seconds']! + 4);
    const other = (await service.submit({ title: 'fixture:slow=1', gamemode: '3', keycount: '4' })).body[
      'job_id'
    ] as string;
    expect(await eta(other)).toBeNull(); // nothing is known of mania
    const events = (await service.get(`/jobs/${third}/stream`)).body['text'] as string;
    expect(events).not.toMatch(/_seconds":-/);
  });

  test('is not told where no worker is there', async () => {
    const service = await startService({ redisUrl: await own(), workers: 1, env: withFixtureModel });
    for (const id of await submitted(service, 3, 0)) await service.until(id, 'succeeded');
    await service.workers[0]!.end('SIGTERM');
    await sleep(2_500);
    const [id = ''] = await submitted(service, 1, 0);
    await eventually(
      async () => (await service.get(`/jobs/${id}`)).body['queue'],
      (queue) => queue?.ahead === 0,
    );
    expect((await service.get(`/jobs/${id}`)).body['eta']).toBeNull();
  });
});
