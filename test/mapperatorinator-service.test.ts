import { cpSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../src/shared/process.ts';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service } from './service.ts';

const only = { ...withFixtureModel, ENGINE: 'mapperatorinator' };

/** What `/readyz` says once every slot is settled. */
const settled = (service: Service) =>
  eventually(
    async () => (await service.get('/readyz')).body,
    (body) =>
      body['devices'].length > 0 && body['devices'].every(({ state }: { state: string }) => state !== 'starting'),
  );

async function processOf({ data }: Service, id: string): Promise<string | undefined> {
  return /process (\d+)/.exec(await readFile(join(data, 'jobs', id, 'events.jsonl'), 'utf8'))?.[1];
}

describe.each([
  ['with Redis', true],
  ['without Redis', false],
])('a worker with GPUs, %s', (_, withRedis) => {
  const start = async (env: Record<string, string>) => {
    if (!withRedis) return startService({ redisUrl: null, env });
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    return startService({ redisUrl: `${redis.url}/0`, workers: 1, env });
  };

  test('runs one job at a time on each, and tells what they are', { timeout: 40_000 }, async () => {
    const service = await start({ ...only, CUDA_VISIBLE_DEVICES: '0,1' });
    const body = await settled(service);
    expect(body).toMatchObject({ status: 'ready', reasons: [], warnings: [] });
    expect(body['devices']).toMatchObject(
      ['0', '1'].map((slot) => ({ slot, state: 'ready', model: 'v32', device_name: 'Fixture GPU' })),
    );
    const titles = ['fixture:slow=2 fixture:who', 'fixture:slow=2 fixture:who', 'fixture:slow=0 fixture:who'];
    const ids = await Promise.all(
      titles.map(async (title) => (await service.submit({ title })).body['job_id'] as string),
    );
    for (const id of ids) await service.until(id, 'succeeded');
    const processes = await Promise.all(ids.map((id) => processOf(service, id)));
    expect(new Set(processes).size).toBe(2);
  });

  test.each([
    ['7', /^device_unavailable: GPU slot 7 .*no such GPU/],
    ['6', /^model_oom: GPU slot 6 .*does not fit/],
  ])('that cannot be used says so at start and takes no job: %s', { timeout: 40_000 }, async (gpu, words) => {
    const trouble = expect.stringMatching(words) as string;
    const service = await start({ ...withFixtureModel, CUDA_VISIBLE_DEVICES: gpu });
    expect(await settled(service)).toMatchObject({ status: 'ready', reasons: [], warnings: [trouble] });
    expect((await service.submit()).body).toMatchObject({ engine: 'builtin' });

    const strict = await start({ ...only, CUDA_VISIBLE_DEVICES: gpu });
    await settled(strict);
    const { status, body } = await strict.get('/readyz');
    expect(status).toBe(503);
    expect(body['reasons']).toContainEqual(trouble);
  });

  test('and without weights says what is missing', { timeout: 40_000 }, async () => {
    const service = await start({ ...only, HF_HOME: mkdtempSync(join(tmpdir(), 'no-weights-')) });
    await settled(service);
    const trouble = expect.stringMatching(/^model_missing: .*v3/) as string;
    expect(await service.get('/readyz')).toMatchObject({
      status: 503,
      body: { reasons: expect.arrayContaining([trouble]) },
    });
  });
});

test('what npm run try-engine tries holds: four modes, stages as they come, a cancel, a beatmap, an addition', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  await settled(service);
  const script = fileURLToPath(new URL('../scripts/mapperatorinator/end-to-end.mjs', import.meta.url));
  const lines: string[] = [];
  const exit = await runProgram(
    {
      file: process.execPath,
      args: [script, '--url', service.url, '--title', 'fixture:slow=1'],
      env: { PATH: process.env['PATH'] ?? '' },
    },
    (line) => lines.push(line),
    AbortSignal.timeout(60_000),
  );
  expect(lines.filter((line) => line.includes('BROKEN'))).toEqual([]);
  expect(lines.at(-1)).toContain('all as promised');
  expect(exit.code).toBe(0);
});

test('a job waits for the model that it was accepted for, and a window behind the song is told as such', async () => {
  const weights = mkdtempSync(join(tmpdir(), 'no-weights-'));
  const service = await startService({ redisUrl: null, env: { ...only, HF_HOME: weights } });
  const { body } = await service.submit({ model: 'v32' });
  expect(body['warnings']).toEqual([expect.stringContaining('the job waits for one')]);
  await sleep(1_500);
  expect((await service.get(`/jobs/${body['job_id'] as string}`)).body).toMatchObject({ state: 'queued' });
  cpSync(withFixtureModel.HF_HOME, weights, { recursive: true });
  await service.until(body['job_id'], 'succeeded');

  const late = await service.submit({ start_time: '50000' });
  const record = await service.until(late.body['job_id'], 'failed');
  expect(record['error']).toMatchObject({ code: 'audio_too_short', detail: expect.stringContaining('start_time') });
});

test('a MAPPERATORINATOR_HOME that is no checkout is told by /readyz', async () => {
  const home = mkdtempSync(join(tmpdir(), 'no-checkout-'));
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, MAPPERATORINATOR_HOME: home } });
  expect(await service.get('/readyz')).toMatchObject({
    status: 200,
    body: { warnings: [expect.stringMatching(/^engine_unavailable: .*MAPPERATORINATOR_HOME is no checkout/)] },
  });
});

test('a frozen runner costs its job a code, and the next one works', { timeout: 60_000 }, async () => {
  const service = await startService({ redisUrl: null, env: { ...only, MAX_SILENT_MINUTES: '0.03' } });
  const { body } = await service.submit({ title: 'fixture:freeze' });
  const record = await service.until(body['job_id'], 'timed_out');
  expect(record['error']).toMatchObject({ code: 'no_progress' });
  await service.until((await service.submit()).body['job_id'], 'succeeded');
});

test('a job that does not fit into the memory ends with that code, and the next one works', async () => {
  const service = await startService({ redisUrl: null, env: only });
  const { body } = await service.submit({ title: 'fixture:oom' });
  expect((await service.until(body['job_id'], 'failed'))['error']).toMatchObject({ code: 'model_oom' });
  await service.until((await service.submit()).body['job_id'], 'succeeded');
});

test('a cancel ends a job in a warm runner, which then serves the next', async () => {
  const service = await startService({ redisUrl: null, env: only });
  const { body } = await service.submit({ title: 'fixture:slow=60 fixture:who' });
  const id = body['job_id'] as string;
  const process = await eventually(
    () => processOf(service, id),
    (pid) => pid !== undefined,
  );
  await service.call('POST', `/jobs/${id}/cancel`);
  await service.until(id, 'cancelled', 3_000);
  const next = (await service.submit({ title: 'fixture:who' })).body['job_id'] as string;
  await service.until(next, 'succeeded');
  expect(await processOf(service, next)).toBe(process);
});

test('a job that comes to a worker which has just lost its GPU waits for another', { timeout: 60_000 }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const service = await startService({
    redisUrl: `${redis.url}/0`,
    workers: 1,
    env: { ...only, CUDA_VISIBLE_DEVICES: '0' },
  });
  await settled(service);
  const worker = service.workers[0]!.child.pid!;
  const runners = await readFile(`/proc/${worker}/task/${worker}/children`, 'utf8');
  await sleep(1_000); // now the worker asks the queue and waits for an answer
  for (const pid of runners.trim().split(' ')) process.kill(Number(pid), 'SIGKILL');
  await eventually(
    async () => (await service.get('/readyz')).body,
    (body) => body['devices'][0]?.state === 'failed',
  );
  const id = (await service.submit()).body['job_id'] as string;
  await sleep(1_000);
  expect((await service.get(`/jobs/${id}`)).body).toMatchObject({ state: 'queued' });
  await service.start('worker');
  await service.until(id, 'succeeded');
});
