import { cp, mkdtemp, readdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service } from './service.ts';

/** A finished job with one file, and a look at its list through each API and at its key. */
async function finishedJob(apis: number) {
  const queue = await startRedis();
  const cache = await startRedis();
  onTestFinished(async () => {
    await queue.stop();
    await cache.stop();
  });
  const env = { ...withFixtureModel, REDIS_PORT: String(cache.port), REDIS_DB: '1' };
  const service = await startService({ redisUrl: `${queue.url}/0`, workers: 1, apis, env, failpoints: true });
  const { body } = await service.submit();
  const id = body['job_id'] as string;
  await service.until(id, 'succeeded');
  await sleep(300); // the worker brings the cache in line after the outcome
  const look = new Redis({ port: cache.port, db: 1 });
  onTestFinished(() => look.disconnect());
  const folder = join(service.data, 'outputs', id);
  const [osz] = await readdir(folder);
  return {
    service,
    cache,
    folder,
    osz: osz!,
    key: () => look.get(`output_files:${id}`),
    forget: () => look.del(`output_files:${id}`),
    names: (api: number) => namesOf(service, api, id),
  };
}

async function namesOf(service: Service, api: number, id: string) {
  const response = await fetch(`${service.urlOf(service.apis[api]!)}/jobs/${id}/files`);
  return ((await response.json()) as { files: { name: string }[] }).files.map(({ name }) => name);
}

/** Another folder with the same files takes the place of this one, too fast for a watcher to see the place empty. */
async function replace(folder: string, service: Service) {
  await cp(folder, `${folder}.new`, { recursive: true });
  for (const { child } of service.apis) child.kill('SIGSTOP');
  await rename(folder, `${folder}.old`);
  await rename(`${folder}.new`, folder);
  for (const { child } of service.apis) child.kill('SIGCONT');
}

/** API processes with a checkout that the test may change, and a look at a value that its models share. */
async function withConfigs(apis: number, wrapper: string[] = []) {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const home = join(await mkdtemp(join(tmpdir(), 'home-')), 'checkout');
  await cp(withFixtureModel.MAPPERATORINATOR_HOME, home, { recursive: true });
  const env = { MAPPERATORINATOR_HOME: home };
  const service = await startService({ redisUrl: `${redis.url}/0`, apis, env, wrapper, failpoints: true });
  const look = new Redis({ port: redis.port, db: 1 });
  onTestFinished(() => look.disconnect());
  const folder = join(home, 'configs', 'inference');
  return {
    service,
    folder,
    write: (top_k: number) => writeFile(join(folder, 'default.yaml'), `top_k: ${top_k}\n`),
    key: async () => (JSON.parse((await look.get('model_config:v30')) ?? '{}') as { top_k?: number }).top_k,
    topK: async (api: number, model = 'v30') => {
      const response = await fetch(`${service.urlOf(service.apis[api]!)}/models/${model}`);
      return ((await response.json()) as { config: { top_k?: number } }).config.top_k;
    },
  };
}

const soon = (names: () => Promise<string[]>, name: string) => eventually(names, (list) => list.includes(name), 3_000);

/** A user namespace of its own has a budget of its own: none. */
const spend = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"';
const withoutWatches = ['unshare', '--user', '--map-root-user', 'sh', '-c', spend, 'sh'];

test('a slow read that another API overtakes with a change is not cached', async () => {
  const { service, folder, osz, key, names } = await finishedJob(2);
  await names(1); // the second API watches; the first has not looked yet
  const slow = await service.arm('files:read', 'wait');
  const old = names(0);
  await slow.hit();
  await writeFile(join(folder, 'new.txt'), 'x');
  await eventually(key, (value) => value === null); // the second has reported it
  await slow.release();
  expect(await old).toEqual([osz]); // it had read before the change
  expect(await key()).toBeNull();
  for (const api of [0, 1]) expect(await names(api)).toEqual([osz, 'new.txt']);
  expect(JSON.parse((await key())!)).toEqual([osz, 'new.txt']);
});

test('a slow read with a change in between is not cached by the API that reads and watches', async () => {
  const { service, folder, osz, key, forget, names } = await finishedJob(1);
  await forget();
  const slow = await service.arm('files:read', 'wait');
  const old = names(0);
  await slow.hit();
  await writeFile(join(folder, 'new.txt'), 'x');
  await sleep(1_000); // its own watcher reports
  await slow.release();
  await old;
  expect(await key()).toBeNull();
  expect(await names(0)).toEqual([osz, 'new.txt']);
});

test('a change during an outage of the cache is seen in it and after it, on every API', async () => {
  const { cache, folder, osz, key, names } = await finishedJob(2);
  for (const api of [0, 1]) await names(api);
  expect(JSON.parse((await key())!)).toEqual([osz]);
  cache.freeze(); // the old list stays in there
  await sleep(1_500);
  await writeFile(join(folder, 'new.txt'), 'x');
  for (const api of [0, 1]) await soon(() => names(api), 'new.txt');
  cache.thaw();
  const seen: string[][] = [];
  for (let i = 0; i < 40; i += 1) {
    for (const api of [0, 1]) seen.push(await names(api));
    await sleep(50);
  }
  expect(new Set(seen.map(String))).toEqual(new Set([String([osz, 'new.txt'])]));
});

test('a change just when the cache stops answering is never undone by what the cache still has', async () => {
  const { cache, folder, osz, names } = await finishedJob(2);
  for (const api of [0, 1]) await names(api);
  cache.freeze();
  await writeFile(join(folder, 'new.txt'), 'x'); // both have the link up and cannot drop the key
  for (const api of [0, 1]) await soon(() => names(api), 'new.txt');
  cache.thaw();
  for (let i = 0; i < 20; i += 1) {
    for (const api of [0, 1]) expect(await names(api)).toEqual([osz, 'new.txt']);
    await sleep(50);
  }
});

test('a list that somebody writes into the cache is believed by no API that has not read the folder itself', async () => {
  const { service, folder, osz, names } = await finishedJob(1);
  await names(0);
  await service.apis[0]!.end('SIGKILL');
  await rename(join(folder, osz), join(folder, 'other.osz')); // nobody watches
  const next = await service.start('api');
  const id = folder.split('/').at(-1)!;
  const response = await fetch(`${service.urlOf(next)}/jobs/${id}/files`);
  expect(await response.json()).toMatchObject({ files: [{ name: 'other.osz' }] });
});

test('a folder that takes the place of a watched one is watched in its stead, on every API', async () => {
  const { service, folder, osz, key, names } = await finishedJob(2);
  for (const api of [0, 1]) await names(api);
  await replace(folder, service);
  for (const api of [0, 1]) expect(await names(api)).toEqual([osz]);
  expect(JSON.parse((await key())!)).toEqual([osz]);
  await writeFile(join(folder, 'new.txt'), 'x');
  for (const api of [0, 1]) await soon(() => names(api), 'new.txt');
  await rename(folder, `${folder}.gone`);
  for (const api of [0, 1]) expect(await names(api)).toEqual([]);
  expect(await key()).toBeNull();
});

test('a slow read of a folder whose place another takes meanwhile is not cached', async () => {
  const { service, folder, osz, key, forget, names } = await finishedJob(1);
  await forget();
  const slow = await service.arm('files:read', 'wait');
  const old = names(0);
  await slow.hit();
  await replace(folder, service);
  await slow.release();
  expect(await old).toEqual([osz]);
  expect(await key()).toBeNull();
});

test('a slow read of a model config with a change in between is not cached', async () => {
  const { service, write, key, topK } = await withConfigs(1);
  await write(1);
  const slow = await service.arm('files:read', 'wait');
  const old = topK(0);
  await slow.hit();
  await write(2);
  await sleep(1_000); // the watcher reports
  await slow.release();
  expect(await old).toBe(1);
  expect(await key()).toBeUndefined();
  expect(await topK(0)).toBe(2);
  expect(await key()).toBe(2);
});

test('a folder of model configs that takes the place of another is watched in its stead, for each model, on every API', async () => {
  const { service, folder, write, topK } = await withConfigs(2);
  const all = () => Promise.all([topK(0), topK(1), topK(0, 'v32'), topK(1, 'v32')]);
  const soonAll = (wanted: number) => eventually(all, (values) => values.every((value) => value === wanted), 3_000);
  await all();
  await replace(folder, service);
  await topK(0); // one model is asked for before the change, the other after it
  await write(1);
  await soonAll(1);
  await write(2);
  await soonAll(2);
});

test('without inotify watches to spare lists are right and not cached, and the log says so once', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const dataDir = await mkdtemp(join(tmpdir(), 'service-'));
  const service = await startService({
    redisUrl: `${redis.url}/0`,
    workers: 1,
    dataDir,
    env: withFixtureModel,
    wrapper: withoutWatches,
  });
  const look = new Redis({ port: redis.port, db: 1 });
  onTestFinished(() => look.disconnect());
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.push((await service.submit()).body['job_id']);
  for (const id of ids) {
    await service.until(id, 'succeeded');
    const [osz] = await namesOf(service, 0, id);
    await writeFile(join(service.data, 'outputs', id, 'new.txt'), 'x');
    expect(await namesOf(service, 0, id)).toEqual([osz, 'new.txt']);
    expect(await look.get(`output_files:${id}`)).toBeNull();
  }
  const warnings = service.apis[0]!.lines.filter(({ msg }) => /cannot be watched; file lists/.test(String(msg)));
  expect(warnings).toHaveLength(1);
  expect(String(warnings[0]!['err']?.['code'])).toBe('ENOSPC');
});

test('without inotify watches to spare model configs are right and not cached, and the log says so once', async () => {
  const { service, write, key, topK } = await withConfigs(1, withoutWatches);
  for (const value of [1, 2, 3]) {
    await write(value);
    expect(await topK(0)).toBe(value);
    expect(await key()).toBeUndefined();
  }
  const warnings = service.apis[0]!.lines.filter(({ msg }) => /cannot be watched; model configs/.test(String(msg)));
  expect(warnings).toHaveLength(1);
});
