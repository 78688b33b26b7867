import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createJobs } from '../src/shared/jobs.ts';
import { watchPause } from '../src/worker/pause.ts';
import { eventually, startService, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

describe.each([
  ['with two workers on a queue', `${redisUrlOfFile}/12`, 2],
  ['without Redis', null, 0],
])('%s', (_name, redisUrl, workers) => {
  test(
    'a pause lets what runs end and begins nothing, over restarts too, until it is taken away; then the order is as before',
    { timeout: 90_000 },
    async () => {
      const service = await startService({ redisUrl, workers, env: withFixtureModel });
      const states = async (ids: string[]) =>
        Promise.all(ids.map(async (id) => (await service.get(`/jobs/${id}`)).body['state'] as string));
      const submit = async (seconds: number) =>
        (await service.submit({ title: `fixture:slow=${seconds}` })).body['job_id'] as string;

      const running = await submit(2);
      await service.until(running, 'running');
      expect(await service.call('POST', '/admin/pause')).toMatchObject({ status: 200, body: { paused: true } });
      await sleep(700); // workers look twice a second
      const waiting = [await submit(0.3), await submit(0.3), await submit(0.3)];
      await service.until(running, 'succeeded');
      await sleep(1_500);
      expect(await states(waiting)).toEqual(['queued', 'queued', 'queued']);
      const { body: overview } = await service.get('/admin/overview');
      expect(overview['paused']).toBe(true);
      const ready = await service.get('/readyz');
      expect(ready.status).toBe(200);
      expect(ready.body['warnings'][0]).toMatch(/^The service is paused/);

      for (const worker of service.workers) await worker.end('SIGTERM');
      await service.apis[0]!.end('SIGTERM');
      for (let i = 0; i < workers; i += 1) await service.start('worker');
      service.apis.push(await service.start('api'));
      await sleep(1_500);
      expect(await states(waiting)).toEqual(['queued', 'queued', 'queued']);
      const records = await Promise.all(waiting.map((id) => service.get(`/jobs/${id}`)));
      expect(records.map(({ body }) => body['queue'])).toEqual([{ ahead: 0 }, { ahead: 1 }, { ahead: 2 }]);
      expect(records.map(({ body }) => body['eta'])).toEqual([null, null, null]);

      expect((await service.call('POST', '/admin/resume')).body).toEqual({ paused: false });
      const started = [];
      for (const id of waiting) started.push((await service.until(id, 'succeeded'))['started_at'] as string);
      expect(started).toEqual(started.toSorted());
      expect((await service.get('/readyz')).body['warnings']).toEqual([]);
    },
  );
});

test('a person with a shell may pause it too, and a cancel is granted meanwhile', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  await writeFile(join(service.data, 'paused'), '');
  await sleep(700);
  const { body } = await service.submit();
  await sleep(1_000);
  expect((await service.get(`/jobs/${body['job_id']}`)).body['state']).toBe('queued');
  await service.call('POST', `/jobs/${body['job_id']}/cancel`);
  await service.until(body['job_id'], 'cancelled', 2_000);
  const other = (await service.submit()).body['job_id'] as string;
  await rm(join(service.data, 'paused'));
  await eventually(
    async () => (await service.get(`/jobs/${other}`)).body['state'] as string,
    (state) => state === 'succeeded',
  );
});

test('a data folder that cannot be read resumes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pause-'));
  const jobs = createJobs(folder);
  await jobs.pause();
  const pause = watchPause(jobs);
  await eventually(async () => pause.isOn(), Boolean);
  await rename(folder, `${folder}-away`);
  await writeFile(folder, ''); // whatever is asked of it is answered with an error
  await sleep(1_200);
  expect(pause.isOn()).toBe(true);
  await expect(jobs.isPaused()).rejects.toThrow('ENOTDIR');
});
