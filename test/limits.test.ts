import { readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually, startService, tone, withFixtureModel, type Service } from './service.ts';

describe('a deadline ends a job as timed_out, with a code', () => {
  test('no worker takes it', async () => {
    const service = await startService({
      redisUrl: null,
      env: { ...withFixtureModel, MAX_WAIT_MINUTES: '0.05', WORKER_CONCURRENCY: '1' },
    });
    const running = await service.submit({ title: 'fixture:slow=16' });
    const waiting = await service.submit();
    const record = await service.until(waiting.body['job_id'], 'timed_out');
    expect(record).toMatchObject({ status: 'failed', started_at: null, error: { code: 'queue_timeout' } });
    expect((await service.get(`/jobs/${waiting.body['job_id']}/status`)).body).toMatchObject({
      status: 'failed',
      state: 'timed_out',
      error: 'No worker took the job within 3 s.',
    });
    await service.until(running.body['job_id'], 'succeeded'); // it waited no longer than allowed, and may run on
  });

  test.each([
    ['MAX_RUN_MINUTES', 'run_timeout', 'fixture:slow=60'],
    ['MAX_SILENT_MINUTES', 'no_progress', 'fixture:hang fixture:slow=1'],
  ])('%s', async (name, code, title) => {
    const service = await startService({ redisUrl: null, env: { ...withFixtureModel, [name]: '0.03' } });
    const { body } = await service.submit({ title });
    const record = await service.until(body['job_id'], 'timed_out', 15_000);
    expect(record['error']).toMatchObject({
      code,
      stage: expect.any(String) as string,
      output: expect.any(Array) as [],
    });
    expect(record['progress']).toBeLessThan(100);
    const next = await service.submit();
    await service.until(next.body['job_id'], 'timed_out').catch(() => undefined); // the worker is free again, whatever comes of it
    expect(await readdir(join(service.data, 'scratch'))).toEqual([]);
    const { body: stream } = await service.get(`/jobs/${body['job_id']}/stream`);
    expect(stream['text']).toMatch(/^event: failed\r\ndata: 处理失败: /m);
  });
});

/** A service whose data folder is a file system of 3 MB; forked, so that the worker has the same one. */
async function onSmallDisk() {
  const mount = 'mount -t tmpfs -o size=3m tmpfs "$DATA_DIR" && exec "$@"';
  const service = await startService({
    redisUrl: null,
    env: withFixtureModel,
    wrapper: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', mount, 'sh'],
  });
  const disk = join('/proc', String(service.apis[0]!.child.pid), 'root', service.data);
  return { service, disk };
}

async function fill(disk: string, leave: number) {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - leave)).catch(() => undefined); // full is full
}

describe('a disk that is full', () => {
  test('refuses an upload with storage_full, keeps nothing of it, and takes the next when there is room', async () => {
    const { service, disk } = await onSmallDisk();
    await fill(disk, 100_000);
    const refused = await service.submit({}, tone(20));
    expect(refused).toMatchObject({ status: 507, body: { code: 'storage_full' } });
    expect(await readdir(join(disk, 'scratch'))).toEqual([]);
    expect(await readdir(join(disk, 'jobs'))).toEqual([]);
    expect(await service.get('/readyz')).toMatchObject({
      status: 503,
      body: { reasons: ['The disk has no room for another upload.'] },
    });
    await rm(join(disk, 'ballast'));
    const { body } = await service.submit({}, tone(20));
    await service.until(body['job_id'], 'succeeded');
  });

  test('under an engine that writes ends its job with storage_full, and the next one works', async () => {
    const { service, disk } = await onSmallDisk();
    const { body } = await service.submit({ title: 'fixture:fill' });
    const record = await service.until(body['job_id'], 'failed');
    expect(record['error']).toMatchObject({ code: 'storage_full' });
    expect(await readdir(join(disk, 'scratch'))).toEqual([]);
    const next = await service.submit();
    await service.until(next.body['job_id'], 'succeeded');
  });

  test('keeps an accepted job waiting until there is room', { timeout: 60_000 }, async () => {
    const { service, disk } = await onSmallDisk();
    const first = await service.submit({ title: 'fixture:slow=2' });
    const second = await service.submit();
    await service.until(first.body['job_id'], 'running');
    await sleep(500); // its engine writes
    await fill(disk, 500_000);
    await service.until(first.body['job_id'], 'succeeded');
    await sleep(4_000);
    expect(['queued', 'running']).toContain((await service.get(`/jobs/${second.body['job_id']}`)).body['state']);
    await rm(join(disk, 'ballast'));
    await service.until(second.body['job_id'], 'succeeded', 40_000);
    expect(await readdir(join(disk, 'scratch'))).toEqual([]);
  });
});

test(
  'a job that waits can be cancelled while the disk is full, and ends when there is room',
  { timeout: 60_000 },
  async () => {
    const { service, disk } = await onSmallDisk();
    const running = await service.submit({ title: 'fixture:slow=30' });
    const waiting = await service.submit();
    await service.until(running.body['job_id'], 'running');
    await sleep(500);
    await fill(disk, 0);
    const answer = await service.call('POST', `/jobs/${waiting.body['job_id']}/cancel`);
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'cancelled', state: expect.stringMatching(/^cancel/) as string },
    });
    await rm(join(disk, 'ballast'));
    await service.until(waiting.body['job_id'], 'cancelled', 25_000);
    await service.call('POST', `/jobs/${running.body['job_id']}/cancel`);
  },
);

describe('folders that somebody removes', () => {
  async function running(service: Service, title: string) {
    const { body } = await service.submit({ title });
    await service.until(body['job_id'], 'running');
    return body['job_id'] as string;
  }

  test.each(['outputs', 'scratch', 'outputs and scratch', 'unfinished'])(
    '%s under a running job: it still ends well',
    async (what) => {
      const service = await startService({ redisUrl: null, env: withFixtureModel });
      const id = await running(service, 'fixture:slow=2');
      for (const name of what.split(' and ')) await rm(join(service.data, name), { recursive: true, maxRetries: 5 });
      await service.until(id, 'succeeded');
      expect((await service.get(`/jobs/${id}/files`)).body['files']).toHaveLength(1);
      const next = await service.submit();
      await service.until(next.body['job_id'], 'succeeded');
    },
  );

  test('the record of a running job: its engine is ended and nobody knows the id any more', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    const id = await running(service, 'fixture:hang fixture:grandchild');
    const log = await eventually(
      () => readFile(join(service.data, 'jobs', id, 'events.jsonl'), 'utf8'),
      (text) => /grandchild \d+/.test(text),
    );
    const grandchild = /grandchild (\d+)/.exec(log)![1]!;
    await rm(join(service.data, 'jobs', id), { recursive: true, maxRetries: 5 });
    await eventually(
      () =>
        stat(`/proc/${grandchild}`).then(
          () => true,
          () => false,
        ),
      (alive) => !alive,
    );
    expect((await service.get(`/jobs/${id}`)).status).toBe(404);
    const next = await service.submit();
    await service.until(next.body['job_id'], 'succeeded');
  });
});
