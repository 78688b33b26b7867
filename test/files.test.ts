import { appendFile, cp, mkdtemp, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { BeatmapDecoder } from 'osu-parsers';
import { unzipSync, strFromU8 } from 'fflate';
import { eventually, startService, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

async function finishedJob(apis = 1, env: Record<string, string> = {}) {
  const redisUrl = `${redisUrlOfFile}/14`;
  const cache = new Redis(redisUrl.replace(/14$/, '15'));
  onTestFinished(() => cache.disconnect());
  const service = await startService({ redisUrl, workers: 1, apis, env: { ...withFixtureModel, ...env } });
  const { body } = await service.submit({ title: 'A', artist: 'B' });
  const id = body['job_id'] as string;
  await service.until(id, 'succeeded');
  const names = async (api = 0) => {
    const response = await fetch(`${service.urlOf(service.apis[api]!)}/jobs/${id}/files`);
    return ((await response.json()) as { files: { name: string }[] }).files.map(({ name }) => name);
  };
  return { service, cache, id, folder: join(service.data, 'outputs', id), names };
}

test('a file list has sizes, types and links that work, and the map opens', async () => {
  const { service, id } = await finishedJob();
  const { body } = await service.get(`/jobs/${id}/files`);
  const [file] = body['files'];
  expect(file).toMatchObject({ type: '.osz', size: expect.any(Number) as number });
  const response = await fetch(service.url + file.download_url);
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${file.name}"`);
  expect(response.headers.get('content-type')).toBe('application/octet-stream');
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes).toHaveLength(file.size);
  const entries = unzipSync(bytes);
  const map = Object.keys(entries).find((name) => name.endsWith('.osu'))!;
  expect(new BeatmapDecoder().decodeFromString(strFromU8(entries[map]!)).hitObjects).toHaveLength(8);
  const range = await fetch(`${service.url}/jobs/${id}/download`, { headers: { range: 'bytes=0-3' } });
  expect(range.status).toBe(206);
  expect(await range.text()).toBe('PK\u0003\u0004');
});

test('a file that is added to, or taken from, a finished job shows in the list at once, on every API', async () => {
  const { cache, id, folder, names } = await finishedJob(2);
  const [osz] = await names(0);
  await names(1);
  expect(await cache.get(`output_files:${id}`)).toBe(JSON.stringify([osz]));
  await writeFile(join(folder, 'extra.txt'), 'x');
  for (const api of [0, 1])
    await eventually(
      () => names(api),
      (list) => list.includes('extra.txt'),
      3_000,
    );
  await unlink(join(folder, 'extra.txt'));
  for (const api of [0, 1])
    await eventually(
      () => names(api),
      (list) => list.length === 1,
      3_000,
    );
  const readThenLook = async () => {
    await names();
    return cache.get(`output_files:${id}`);
  };
  await eventually(readThenLook, (value) => value === JSON.stringify([osz]), 3_000);
});

test('a removed output folder is an empty list, and one that comes back is read again', async () => {
  const { folder, names } = await finishedJob();
  await names();
  const aside = join(await mkdtemp(join(tmpdir(), 'aside-')), 'x');
  await cp(folder, aside, { recursive: true });
  await rm(folder, { recursive: true });
  await eventually(
    () => names(),
    (list) => list.length === 0,
    3_000,
  );
  await cp(aside, folder, { recursive: true });
  await eventually(
    () => names(),
    (list) => list.length === 1,
    3_000,
  );
});

test('what somebody deletes from the cache, or writes into it, is put right from disk', async () => {
  const { service, cache, id, names } = await finishedJob();
  const before = await names();
  await cache.del(`output_files:${id}`, `job_progress:${id}`, `job_metadata:${id}`);
  expect(await names()).toEqual(before);
  expect((await service.get(`/jobs/${id}/progress`)).body).toMatchObject({ progress: 100, status: 'completed' });
});

test('what another API left in the cache before it died is not believed', async () => {
  const { service, cache, id, folder } = await finishedJob();
  await service.apis[0]!.end('SIGKILL');
  await cache.set(`output_files:${id}`, JSON.stringify(['gone.osz']), 'EX', 3600);
  await rename(join(folder, (await readdir(folder))[0]!), join(folder, 'renamed.osz'));
  const next = await service.start('api');
  const response = await fetch(`${service.urlOf(next)}/jobs/${id}/files`);
  expect(((await response.json()) as { files: { name: string }[] }).files.map(({ name }) => name)).toEqual([
    'renamed.osz',
  ]);
});

test('a model config is cached and dropped when its file changes', async () => {
  const home = join(await mkdtemp(join(tmpdir(), 'home-')), 'checkout');
  await cp(withFixtureModel.MAPPERATORINATOR_HOME, home, { recursive: true });
  const { service, cache } = await finishedJob(1, { MAPPERATORINATOR_HOME: home });
  const first = await service.get('/models/v32');
  expect(first.body).toMatchObject({ name: 'v32', engine: 'mapperatorinator', available: true });
  expect(await cache.get('model_config:v32')).toBe(JSON.stringify(first.body['config']));
  expect(await cache.ttl('model_config:v32')).toBeGreaterThan(86_000);
  await appendFile(join(home, 'configs', 'inference', 'v32.yaml'), '\nsome_new_key: 5\n');
  await eventually(
    async () => (await service.get('/models/v32')).body['config'] as Record<string, unknown>,
    (config) => config['some_new_key'] === 5,
    3_000,
  );
});
