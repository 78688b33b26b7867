import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Failpoint } from '../src/shared/failpoint.ts';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service } from './service.ts';

async function withRedis(workers: number, apis = 1, env: Record<string, string> = {}) {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return startService({
    redisUrl: `${redis.url}/0`,
    workers,
    apis,
    failpoints: true,
    env: { ...withFixtureModel, ...env },
  });
}

/** What is on disk of a job that has ended well: one outcome, one terminal event that viewers see, one file, no progress that fell. */
async function expectOneGoodEnd(service: Service, id: string) {
  await service.until(id, 'succeeded', 60_000);
  const { text } = (await service.get(`/jobs/${id}/stream`)).body as { text: string };
  const shown = [...text.matchAll(/"progress":([\d.]+)/g)].slice(1).map(([, percent]) => Number(percent));
  expect(shown, id).toEqual(shown.toSorted((a, b) => a - b));
  expect(text.match(/^event: (completed|failed)/gm), id).toEqual(['event: completed']);
  expect((await service.get(`/jobs/${id}/files`)).body['files'], id).toHaveLength(1);
}

async function expectNothingLeft(service: Service) {
  await eventually(
    async () => ({
      scratch: await readdir(join(service.data, 'scratch')),
      unfinished: await readdir(join(service.data, 'unfinished')),
    }),
    ({ scratch, unfinished }) => scratch.length === 0 && unfinished.length === 0,
  );
}

const running = (text: string) => text.includes('"state":"running"');

/** Processes that work for a job of this service. */
async function enginesOf({ data }: Service): Promise<string[]> {
  const ids = new Set(await readdir(join(data, 'jobs')));
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      const attempt = /MAPPERATORINATOR_ATTEMPT=([\w-]+)\//.exec(environment)?.[1];
      return attempt !== undefined && ids.has(attempt) ? [pid] : [];
    }),
  );
  return found.flat();
}

const workerLines = [
  'run:claimed',
  'run:prepared',
  'run:checked',
  'run:published',
  'finish:linked',
  'run:finished',
] as const satisfies Failpoint[];

test('a worker that is killed at a critical line loses no job and makes none twice', { timeout: 90_000 }, async () => {
  const service = await withRedis(1);
  const ids: string[] = [];
  for (const line of workerLines) {
    const point = await service.arm(line, 'kill');
    ids.push((await service.submit({ title: line })).body['job_id']);
    await point.hit();
    await service.start('worker');
  }
  for (const id of ids) await expectOneGoodEnd(service, id);
  await expectNothingLeft(service);
});

test(
  'a worker that freezes at a critical line is replaced, and does no harm when it wakes',
  { timeout: 90_000 },
  async () => {
    const service = await withRedis(1);
    const frozen = [service.workers[0]!];
    const ids: string[] = [];
    for (const line of workerLines) {
      const point = await service.arm(line, 'stop');
      ids.push((await service.submit({ title: `fixture:slow=0.5 ${line}` })).body['job_id']);
      await point.hit();
      frozen.push(await service.start('worker'));
    }
    for (const id of ids) await expectOneGoodEnd(service, id);
    const before = await Promise.all(ids.map((id) => service.get(`/jobs/${id}`)));
    for (const worker of frozen) worker.child.kill('SIGCONT');
    await sleep(4_000); // they finish what they were about to do
    for (const id of ids) await expectOneGoodEnd(service, id);
    const after = await Promise.all(ids.map((id) => service.get(`/jobs/${id}`)));
    const ends = (answers: typeof before) =>
      answers.map(({ body }) => [body['state'], body['finished_at'], body['output_files']]);
    expect(ends(after)).toEqual(ends(before));
    await expectNothingLeft(service);
  },
);

test('a worker that was frozen over a cancel publishes nothing when it wakes', { timeout: 60_000 }, async () => {
  const service = await withRedis(1);
  const point = await service.arm('run:checked', 'stop');
  const { body } = await service.submit();
  await point.hit();
  await service.call('POST', `/jobs/${body['job_id']}/cancel`);
  await service.start('worker');
  await service.until(body['job_id'], 'cancelled', 40_000);
  service.workers[0]!.child.kill('SIGCONT');
  await sleep(3_000);
  expect((await service.get(`/jobs/${body['job_id']}`)).body).toMatchObject({ state: 'cancelled', output_files: [] });
  expect(await readdir(join(service.data, 'outputs'))).toEqual([]);
});

test.each([
  'submit:stored',
  'submit:recorded',
  'submit:handed',
  'hand:looked',
  'cancel:flagged',
  'files:read',
] as const)('an API that is killed at %s keeps every job that it has answered for', async (line) => {
  const service = await withRedis(1, 1);
  const slow = await service.submit({ title: 'fixture:slow=6' }); // keeps the only worker busy
  await service.until(slow.body['job_id'], 'running');
  const waiting = (await service.submit()).body['job_id'] as string;
  const point = await service.arm(line, 'kill');
  const answer = async () => {
    if (line === 'cancel:flagged') return service.call('POST', `/jobs/${waiting}/cancel`);
    if (line === 'files:read')
      return service
        .until(slow.body['job_id'], 'succeeded')
        .then(() => service.get(`/jobs/${slow.body['job_id']}/files`));
    return service.submit();
  };
  const answered = await answer().catch(() => null);
  await point.hit();
  const next = await service.start('api');
  const get = async (path: string) => (await fetch(service.urlOf(next) + path)).json() as Promise<{ state: string }>;
  const ids = (await readdir(join(service.data, 'jobs'))).filter((name) => !name.startsWith('.'));
  expect(ids).toContain(slow.body['job_id']);
  expect(ids).toContain(waiting);
  const accepted = answered && 'body' in answered ? (answered.body['job_id'] as string | undefined) : undefined;
  if (accepted !== undefined) expect(ids).toContain(accepted);
  for (const id of ids) {
    const wanted = line === 'cancel:flagged' && id === waiting ? 'cancelled' : 'succeeded';
    await eventually(
      () => get(`/jobs/${id}`),
      ({ state }) => state === wanted,
      25_000,
    );
  }
  expect(await readdir(join(service.data, 'unfinished'))).toEqual([]);
});

describe('a job that kills its worker', () => {
  test('is given up after the second, and the workers are there for the others', { timeout: 90_000 }, async () => {
    const service = await withRedis(1);
    const { body } = await service.submit({ title: 'fixture:kill-worker' });
    let worker = service.workers[0]!;
    for (let killed = 0; killed < 2; killed += 1) {
      const { child } = worker;
      await eventually(
        async () => child.signalCode,
        (signal) => signal === 'SIGKILL',
        40_000,
      );
      worker = await service.start('worker');
    }
    const record = await service.until(body['job_id'], 'failed', 60_000);
    expect(record['error']).toMatchObject({ code: 'worker_lost', detail: '2 workers died while they ran this job.' });
    const next = await service.submit();
    await service.until(next.body['job_id'], 'succeeded');
    expect(await enginesOf(service)).toEqual([]);
  });

  test('takes no other job with it that ran beside it', { timeout: 120_000 }, async () => {
    const service = await startService({ redisUrl: null, env: { ...withFixtureModel, CUDA_VISIBLE_DEVICES: '0,1' } });
    const innocent = (await service.submit({ title: 'fixture:slow=6' })).body['job_id'] as string;
    const guilty = (await service.submit({ title: 'fixture:kill-worker fixture:slow=2' })).body['job_id'] as string;
    const record = await service.until(guilty, 'failed', 100_000);
    expect(record['error']).toMatchObject({ code: 'worker_lost' });
    await expectOneGoodEnd(service, innocent);
  });

  test('without Redis ends the same way: the API starts its worker again', { timeout: 90_000 }, async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const { body } = await service.submit({ title: 'fixture:kill-worker' });
    const record = await service.until(body['job_id'], 'failed', 80_000);
    expect(record['error']).toMatchObject({ code: 'worker_lost' });
    const next = await service.submit();
    await service.until(next.body['job_id'], 'succeeded');
  });
});

test(
  'what the engine of a killed worker has started is ended when its job is taken over',
  { timeout: 60_000 },
  async () => {
    const service = await withRedis(1);
    const { body } = await service.submit({ title: 'fixture:grandchild fixture:slow=3' });
    const id = body['job_id'] as string;
    await eventually(
      () => readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8'),
      (text) => running(text) && text.includes('grandchild'),
    );
    const before = await enginesOf(service);
    expect(before.length).toBe(1); // the warm runner itself works for no job in particular
    await service.workers[0]!.end('SIGKILL');
    await service.start('worker');
    await service.until(id, 'succeeded', 40_000);
    await eventually(
      () => enginesOf(service),
      (left) => left.length === 0,
    );
  },
);

test(
  'what the engine of a killed worker has started is ended also when its job is cancelled',
  { timeout: 60_000 },
  async () => {
    const service = await withRedis(1);
    const { body } = await service.submit({ title: 'fixture:grandchild fixture:slow=60' });
    const id = body['job_id'] as string;
    await eventually(
      () => readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8'),
      (text) => text.includes('grandchild'),
    );
    await service.start('worker'); // that has nothing to do with it
    await service.workers[0]!.end('SIGKILL');
    await service.call('POST', `/jobs/${id}/cancel`);
    await service.until(id, 'cancelled', 40_000);
    await eventually(
      () => enginesOf(service),
      (left) => left.length === 0,
    );
  },
);

test('a disk that fails at a critical line costs no job', { timeout: 90_000 }, async () => {
  const service = await withRedis(1);
  for (const line of workerLines) {
    const point = await service.arm(line, 'throw ENOSPC');
    const { body } = await service.submit({ title: line });
    await point.hit();
    await expectOneGoodEnd(service, body['job_id']);
  }
  await expectNothingLeft(service);
  expect(service.workers[0]!.lines.filter(({ level }) => level >= 50).length).toBeLessThanOrEqual(workerLines.length);
});

test('a worker that stops gives each job back once', { timeout: 60_000 }, async () => {
  const service = await withRedis(1, 1, { CUDA_VISIBLE_DEVICES: '0,1' });
  const titles = ['fixture:hang fixture:slow=1', 'fixture:slow=30']; // the first ends 5 s after it was told to
  const ids = await Promise.all(
    titles.map(async (title) => (await service.submit({ title })).body['job_id'] as string),
  );
  for (const id of ids) {
    await eventually(
      () => readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8'),
      (text) => text.includes('"output"'),
    );
  }
  await sleep(1_000);
  await service.workers[0]!.end('SIGTERM');
  for (const id of ids) {
    expect(await readdir(join(service.data, 'jobs', id, 'claims'))).toEqual(['1']);
    expect((await service.get(`/jobs/${id}`)).body['state']).toBe('queued');
  }
});

test('an engine that is killed from outside fails its job with a code, and the next one works', async () => {
  const service = await withRedis(1);
  const { body } = await service.submit({ title: 'fixture:slow=20 fixture:who' });
  const id = body['job_id'] as string;
  process.kill(await runnerOf(service, id), 'SIGKILL');
  const record = await service.until(id, 'failed');
  expect(record['error']).toMatchObject({
    code: 'model_oom',
    detail: expect.stringContaining('ended the program') as string,
  });
  await service.until((await service.submit()).body['job_id'], 'succeeded');
});

test('an engine that is killed from outside after an earlier job, which may be to blame, runs the job again', async () => {
  const service = await withRedis(1);
  await service.until((await service.submit()).body['job_id'], 'succeeded');
  const { body } = await service.submit({ title: 'fixture:slow=3 fixture:who' });
  const id = body['job_id'] as string;
  process.kill(await runnerOf(service, id), 'SIGKILL');
  await service.until(id, 'succeeded');
  await expectOneGoodEnd(service, id);
});

/** The process that works for a job whose title has `fixture:who`. */
async function runnerOf({ data }: Service, id: string): Promise<number> {
  const said = await eventually(
    () => readFile(join(data, 'jobs', id, 'events.jsonl'), 'utf8'),
    (text) => text.includes('process '),
  );
  return Number(/process (\d+)/.exec(said)?.[1]);
}

test('an API that freezes stops nobody: the other serves, the job ends, and it agrees when it wakes', async () => {
  const service = await withRedis(1, 2);
  const { body } = await service.submit({ title: 'fixture:slow=2' });
  const id = body['job_id'] as string;
  service.apis[0]!.child.kill('SIGSTOP');
  await service.until(id, 'succeeded'); // asked of the other one
  service.apis[0]!.child.kill('SIGCONT');
  const woken = await fetch(`${service.urlOf(service.apis[0]!)}/jobs/${id}`);
  expect(await woken.json()).toMatchObject({ state: 'succeeded', progress: 100 });
});

describe('a cancel is final within 6 s', () => {
  test.each([
    ['of an engine that obeys, asked of another API', 'fixture:slow=30', 1],
    ['of an engine that ignores TERM and has children', 'fixture:hang fixture:grandchild fixture:slow=1', 0],
  ])('%s', async (_, title, through) => {
    const service = await withRedis(2, 2);
    const { body } = await service.submit({ title });
    const id = body['job_id'] as string;
    await eventually(
      () => readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8'),
      (text) => (title.includes('hang') ? text.includes('grandchild') : running(text)),
    );
    await sleep(500);
    const asked = performance.now();
    const response = await fetch(`${service.urlOf(service.apis[through]!)}/jobs/${id}/cancel`, { method: 'POST' });
    const acknowledged = performance.now() - asked;
    expect(await response.json()).toMatchObject({ status: 'cancelled', state: 'cancelling' });
    await service.until(id, 'cancelled', 10_000);
    const final = performance.now() - asked;
    expect(acknowledged).toBeLessThan(200 + 300); // the machine may be busy
    expect(final).toBeLessThan(6_000 + 1_000);
    expect(await enginesOf(service)).toEqual([]);
  });
});
