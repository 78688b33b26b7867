import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel } from './service.ts';

test('a queue Redis that evicts makes the service start, warn once and answer 503 with the remedy', async () => {
  const redis = await startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] });
  onTestFinished(() => redis.stop());
  const service = await startService({ redisUrl: `${redis.url}/0`, workers: 1, env: withFixtureModel });
  const { status, body } = await service.get('/readyz');
  expect(status).toBe(503);
  expect(body['reasons']).toEqual([expect.stringContaining('noeviction') as string]);
  const warnings = service.apis[0]!.lines.filter(({ level, policy }) => level === 40 && policy === 'allkeys-lru');
  expect(warnings).toHaveLength(1);
  const job = await service.submit();
  await service.until(job.body['job_id'], 'succeeded');
});

test('without a worker the service is alive but not ready, until one comes', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const service = await startService({ redisUrl: `${redis.url}/0`, env: withFixtureModel });
  expect((await service.get('/healthz')).status).toBe(200);
  expect(await service.get('/readyz')).toMatchObject({ status: 503, body: { reasons: ['No worker is there.'] } });
  await service.start('worker');
  await eventually(
    () => service.get('/readyz'),
    ({ status }) => status === 200,
  );
});

test('the built-in generator is chosen where no worker has a model, and the answer says so', async () => {
  const service = await startService({ redisUrl: null });
  const { body } = await service.submit({ model: 'v32', year: '2020', temperature: '0.9', keycount: '7' });
  expect(body).toMatchObject({ engine: 'builtin', model: 'builtin' });
  expect(body['warnings']).toEqual([
    'The model v32 is not available here; the built-in generator makes this map.',
    'The built-in generator makes no use of: temperature, keycount.',
  ]);
  const models = (await service.get('/models')).body;
  expect(models['default']).toBe('builtin');
  expect(models['models'].find(({ name }: { name: string }) => name === 'v32')).toMatchObject({ available: false });
});

test('workers that have no engine which is asked for make nobody ready', async () => {
  const service = await startService({ redisUrl: null, env: { ENGINE: 'mapperatorinator' } });
  expect(await service.get('/readyz')).toMatchObject({
    status: 503,
    body: { reasons: ['No worker has an engine that ENGINE=mapperatorinator asks for.'] },
  });
});

test('a folder that is no checkout of Mapperatorinator is told at the start, and its models are offered to nobody', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const service = await startService({
    redisUrl: `${redis.url}/0`,
    workers: 1,
    env: { MAPPERATORINATOR_HOME: tmpdir() },
  });
  const line = await service.workers[0]!.logged(
    'MAPPERATORINATOR_HOME is no checkout of Mapperatorinator: inference.py is missing there.',
  );
  expect(line).toMatchObject({ level: 50, home: tmpdir() });
  expect((await service.submit()).body).toMatchObject({ engine: 'builtin' });
});

test('ENGINE=mapperatorinator never swaps the engine: the job waits for a worker that has the model', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const service = await startService({ redisUrl: `${redis.url}/0`, env: { ENGINE: 'mapperatorinator' } });
  const { body } = await service.submit({ model: 'v32' });
  expect(body).toMatchObject({ engine: 'mapperatorinator', model: 'v32' });
  expect(body['warnings'][0]).toMatch(/^No worker has the model v32 at present/);
  expect((await service.submit({ model: 'builtin' })).status).toBe(422);
  Object.assign(service.environment, withFixtureModel);
  await service.start('worker');
  await service.until(body['job_id'], 'succeeded');
});
