import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strFromU8, unzipSync } from 'fflate';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../src/shared/config.ts';
import { startRedis } from './redis-server.ts';
import { eventually, startService, withFixtureModel, type Service } from './service.ts';

// Defects of the seed API that no other test would notice; docs/defects.md has the whole list.

const root = fileURLToPath(new URL('..', import.meta.url));

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'defects-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('a status that is polled across the end of its job keeps no route waiting', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const { body } = await service.submit({ title: 'fixture:slow=1' });
  let slowest = 0;
  let status = '';
  while (status !== 'completed') {
    const started = performance.now();
    const [answer, ...others] = await Promise.all(
      [`/jobs/${body['job_id']}/status`, '/', '/jobs', '/healthz', `/jobs/${body['job_id']}/progress`].map(service.get),
    );
    slowest = Math.max(slowest, performance.now() - started);
    status = answer!.body['status'];
    for (const other of others) expect(other.status).toBe(200);
  }
  expect(slowest).toBeLessThan(2_000);
});

/** Sends a WAVE file of so many bytes without holding it, as a slow client does; answers with the status. */
async function upload({ url }: Service, path: string): Promise<number> {
  const head =
    '--x\r\ncontent-disposition: form-data; name="audio_file"; filename="long.wav"\r\ncontent-type: audio/wav\r\n\r\n';
  return new Promise((resolve, reject) => {
    const req = request(`${url}/process`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    req.on('response', (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    });
    req.on('error', reject);
    req.write(head);
    const file = createReadStream(path);
    file.pipe(req, { end: false });
    file.on('end', () => req.end('\r\n--x--\r\n'));
  });
}

async function longWav(bytes: number): Promise<string> {
  const path = join(await folder(), 'long.wav');
  const file = await open(path, 'w');
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(bytes - 8, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(44_100, 24);
  head.writeUInt32LE(176_400, 28);
  head.writeUInt16LE(4, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes - 44, 40);
  await file.write(head);
  await file.truncate(bytes);
  await file.close();
  return path;
}

test('two large uploads at once, with requests beside them, are taken, and memory stays flat', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  await service.submit(); // what the first request needs is loaded
  const pid = service.apis[0]!.child.pid;
  const peak = async () => Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
  const before = await peak();
  const song = await longWav(120 * 1024 * 1024);
  let uploading = true;
  const both = Promise.all([upload(service, song), upload(service, song)]).finally(() => (uploading = false));
  let polls = 0;
  while (uploading) {
    expect((await service.get('/jobs')).status).toBe(200);
    polls += 1;
  }
  expect(await both).toEqual([200, 200]);
  expect(polls).toBeGreaterThan(5);
  expect((await peak()) - before).toBeLessThan(100);
}, 60_000);

test.each(['fixture:garbage', 'fixture:oom'])(
  'a job that failed (%s) reads failed everywhere: before and after the cache is lost, and after a restart',
  async (title) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const service = await startService({ redisUrl: `${redis.url}/0`, workers: 1, env: withFixtureModel });
    const { body } = await service.submit({ title });
    const id = body['job_id'] as string;
    await service.until(id, 'failed');
    const states = async (url: string) => {
      const get = async (path: string) => (await fetch(url + path)).json() as Promise<Record<string, unknown>>;
      const paths = [`/jobs/${id}`, `/jobs/${id}/status`, `/jobs/${id}/progress`];
      const answers = await Promise.all(paths.map(get));
      const listed = ((await get('/jobs'))['jobs'] as Record<string, unknown>[]).find((job) => job['job_id'] === id)!;
      const { state } = await get(`/jobs/${id}/debug`);
      expect(answers[2]!['progress']).toBeLessThan(100);
      return [...answers, listed]
        .map((answer) => `${String(answer['status'])} ${String(answer['state'])}`)
        .concat(`failed ${String(state)}`);
    };
    const failed = Array(5).fill('failed failed');
    expect(await states(service.url)).toEqual(failed);
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    await admin.flushall();
    expect(await states(service.url)).toEqual(failed);
    await service.apis[0]!.end('SIGKILL');
    expect(await states(service.urlOf(await service.start('api')))).toEqual(failed);
  },
);

test('it starts in any folder, without Python, and writes nothing outside of its data folder', async () => {
  const cwd = await folder();
  const service = await startService({ redisUrl: null, cwd, env: { PATH: '/nonexistent', PYTHON: '/nonexistent' } });
  const { body } = await service.submit();
  expect(body['engine']).toBe('builtin');
  await eventually(
    async () => (await service.get(`/jobs/${body['job_id']}`)).body['state'] as string,
    (state) => ['succeeded', 'failed'].includes(state),
  );
  expect(await readdir(cwd)).toEqual([]);
});

test('password and database of the cache are those of the configuration, and every key in it has an end', async () => {
  const redis = await startRedis({ args: ['--requirepass', 'a secret'] });
  onTestFinished(() => redis.stop());
  const service = await startService({
    redisUrl: `redis://:a%20secret@127.0.0.1:${redis.port}/3`,
    workers: 1,
    env: { ...withFixtureModel, REDIS_PASSWORD: 'a secret', REDIS_DB: '5' },
  });
  const { body } = await service.submit();
  await service.until(body['job_id'], 'succeeded');
  await service.get(`/jobs/${body['job_id']}/files`);
  await service.get('/models/v32');
  const look = new Redis({ port: redis.port, password: 'a secret', db: 5 });
  onTestFinished(() => look.disconnect());
  const keys = await eventually(
    () => look.keys('*'),
    (found) => found.length >= 5,
  );
  expect(keys.map((key) => key.split(':')[0]).sort()).toEqual([
    'job_metadata',
    'job_progress',
    'model_config',
    'output_files',
    'output_generation',
  ]);
  for (const key of keys) expect(await look.ttl(key), key).toBeGreaterThan(0);
});

test('no answer and no map has a path of the server in it, and a name that is markup stays text', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const name = '<img src=x onerror=alert(1)>.wav';
  const { body } = await service.submit({}, undefined, name);
  const id = body['job_id'] as string;
  await service.until(id, 'succeeded');
  const paths = ['', '/status', '/progress', '/files', '/debug', '/stream'].map((path) => `/jobs/${id}${path}`);
  for (const path of [...paths, '/jobs', '/models', '/models/v32', '/debug/redis', '/readyz']) {
    const response = await fetch(service.url + path);
    const text = await response.text();
    expect(text, path).not.toContain(service.data);
    expect(text, path).not.toContain(root);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-type')).not.toContain('html');
  }
  expect((await service.get(`/jobs/${id}`)).body['audio'].filename).toBe(name);
  const archive = new Uint8Array(await (await fetch(`${service.url}/jobs/${id}/download`)).arrayBuffer());
  const map = Object.entries(unzipSync(archive)).find(([entry]) => entry.endsWith('.osu'))![1];
  expect(strFromU8(map)).not.toMatch(/\/tmp|audio_storage|scratch/);
});

test('it listens on this machine only unless it is told otherwise', () => {
  expect(parseConfig({}).host).toBe('127.0.0.1');
});

test('what users send and get is never in the repository', async () => {
  const ignored = (await readFile(join(root, '.gitignore'), 'utf8')).split('\n');
  expect(ignored.some((line) => /^\/?data\/?$/.test(line))).toBe(true);
  const entries = await readdir(root);
  for (const name of ['audio_storage', 'outputs', 'uploads']) expect(entries).not.toContain(name);
});

test('every endpoint uses the same words for the state of a job, at every moment of its life', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const { body } = await service.submit({ title: 'fixture:slow=1' });
  const id = body['job_id'] as string;
  const pairs = new Set<string>();
  let last = '';
  while (last !== 'succeeded') {
    for (const path of [`/jobs/${id}`, `/jobs/${id}/status`, `/jobs/${id}/progress`]) {
      const { body: answer } = await service.get(path);
      last = answer['state'];
      pairs.add(`${answer['status']} ${last}`);
    }
  }
  expect([...pairs].sort()).toEqual(
    ['completed succeeded', 'queued queued', 'running running'].filter((pair) => pairs.has(pair)),
  );
  expect(pairs.size).toBeGreaterThanOrEqual(2);
});
