import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRemoval } from '../src/api/removal.ts';
import { createSweeper } from '../src/api/sweep.ts';
import { createCache } from '../src/shared/cache.ts';
import { createJobs, type Outcome } from '../src/shared/jobs.ts';
import { connectLink } from '../src/shared/redis.ts';
import type { JobRequest } from '../src/shared/request.ts';
import { eventually, startService, tone, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const log = pino({ level: 'silent' });
const day = 86_400_000;
const retentionMs = 30 * day;

/** A version 7 UUID of a job that was accepted so long ago. */
function idFrom(agoMs: number, n = 0): string {
  const time = (Date.now() - agoMs).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(n).padStart(12, '0')}`;
}

async function emptyService() {
  const dataDir = await mkdtemp(join(tmpdir(), 'retention-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const jobs = createJobs(dataDir);
  await jobs.prepare();
  const cache = createCache(null);
  const removal = createRemoval({ jobs, cache, queues: null, log });
  const { sweep } = createSweeper({ jobs, cache, link: null, retentionMs, removal, log });
  return { dataDir, jobs, cache, sweep };
}

type Service = Awaited<ReturnType<typeof emptyService>>;

async function oldJob({ dataDir, jobs }: Service, agoMs: number, state: Outcome['state'] | null, song = 'x.mp3') {
  const id = idFrom(agoMs);
  const at = Date.now() - agoMs;
  const request: JobRequest = {
    id,
    createdAt: at,
    engine: 'builtin',
    model: 'builtin',
    audio: { path: `audio_storage/${song}`, filename: song, format: 'mp3', bytes: 1 },
    params: { gamemode: 0, difficulty: 5, export_osz: true, add_to_beatmap: false },
    warnings: [],
  };
  await jobs.create(request);
  await writeFile(join(dataDir, request.audio.path), 'song');
  await utimes(join(dataDir, request.audio.path), at / 1000, at / 1000);
  if (state === null) return id;
  if (state === 'succeeded') {
    await mkdir(jobs.outputs(id));
    await writeFile(join(jobs.outputs(id), 'map.osz'), 'PK');
  }
  await jobs.finish(id, { state, finishedAt: at, attempt: 1, warnings: [] });
  return id;
}

const songs = ({ dataDir }: Service) => readdir(join(dataDir, 'audio_storage'));

test('a job that succeeded more than a retention ago has expired: its files go, its record says so', async () => {
  const service = await emptyService();
  const id = await oldJob(service, 31 * day, 'succeeded');
  const young = await oldJob(service, 29 * day, 'succeeded', 'y.mp3');
  await service.cache.set('output_files', id, ['map.osz']);
  await service.sweep();
  expect(await service.jobs.read(id)).toMatchObject({ state: 'expired' });
  expect(await readdir(join(service.dataDir, 'outputs'))).toEqual([young]);
  expect(await songs(service)).toEqual(['y.mp3']);
  expect(await service.cache.get('output_files', id)).toBeNull();
  expect(await service.jobs.read(young)).toMatchObject({ state: 'succeeded' });
  await service.sweep(); // again changes nothing
  expect(await service.jobs.read(id)).toMatchObject({ state: 'expired' });
});

test.each(['succeeded', 'failed', 'cancelled', 'timed_out', 'expired'] as const)(
  'the record of a job that ended as %s goes after twice the retention',
  async (state) => {
    const service = await emptyService();
    const id = await oldJob(service, 61 * day, state);
    await service.sweep();
    expect(await service.jobs.read(id)).toBeNull();
    expect(await service.jobs.ids()).toEqual([]);
    expect(await readdir(join(service.dataDir, 'outputs'))).toEqual([]);
  },
);

test('a job that failed keeps its record and its reason for the second retention', async () => {
  const service = await emptyService();
  const id = await oldJob(service, 31 * day, 'failed');
  await service.sweep();
  expect(await service.jobs.read(id)).toMatchObject({ state: 'failed' });
  expect(await songs(service)).toEqual([]);
});

test('a job without an end is never removed, nor the song that it waits for', async () => {
  const service = await emptyService();
  const id = await oldJob(service, 100 * day, null);
  await service.sweep();
  expect(await service.jobs.read(id)).toMatchObject({ state: 'queued' });
  expect(await songs(service)).toEqual(['x.mp3']);
});

test('an old job that cannot be cleared keeps no other from its end', async () => {
  const service = await emptyService();
  const stuck = await oldJob(service, 31 * day, 'succeeded');
  const other = await oldJob(service, 32 * day, 'succeeded', 'y.mp3');
  await mkdir(join(service.jobs.folder(stuck), 'reference.osu')); // no file, so that it cannot be removed as one
  await service.sweep();
  expect(await service.jobs.read(stuck)).toMatchObject({ state: 'succeeded' });
  expect(await service.jobs.read(other)).toMatchObject({ state: 'expired' });
});

test('a removed job is remembered for a minute, in which its engines are ended, and then forgotten', async () => {
  const service = await emptyService();
  const id = await oldJob(service, 61 * day, 'succeeded');
  await service.sweep();
  expect(await service.jobs.isRemoved(id)).toBe(true);
  const then = Date.now() / 1000 - 61;
  await utimes(join(service.dataDir, 'jobs', `.gone-${id}`), then, then);
  await service.sweep();
  expect(await readdir(join(service.dataDir, 'jobs'))).toEqual([]);
});

test('many removals at once look at the other jobs a few times, not each for itself', async () => {
  const service = await emptyService();
  const ids: string[] = [];
  for (let n = 1; n <= 40; n += 1) ids.push(await oldJob(service, n * day, 'failed', `${n}.mp3`));
  let read = 0;
  const jobs: typeof service.jobs = {
    ...service.jobs,
    readRequest(id) {
      read += 1;
      return service.jobs.readRequest(id);
    },
  };
  const removal = createRemoval({ jobs, cache: service.cache, queues: null, log });
  const requests = await Promise.all(ids.slice(0, 20).map((id) => service.jobs.readRequest(id)));
  await Promise.all(requests.map((request) => removal.remove(request!)));
  await removal.finish();
  expect((await songs(service)).sort()).toEqual(ids.slice(20).map((_id, i) => `${i + 21}.mp3`));
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(4 * ids.length);
});

test('a song that was uploaded again stays for the later job', async () => {
  const service = await emptyService();
  await oldJob(service, 31 * day, 'succeeded');
  await oldJob(service, 2 * day, 'succeeded'); // the same bytes, so the same file, written anew
  await service.sweep();
  expect(await songs(service)).toEqual(['x.mp3']);
});

test('what crashes have left behind goes when it is old, and not before', async () => {
  const service = await emptyService();
  const ended = await oldJob(service, day, 'failed');
  const open = await oldJob(service, 2 * day, null);
  const left = {
    'jobs/.new-x': 2 * 3_600_000,
    'unfinished/01a20d20-19ab-7709-80f0-0b07b0d6cd69': 2 * 3_600_000,
    'scratch/upload-dead': 2 * day,
    [`scratch/${ended}`]: 1_000,
  };
  const kept = { 'jobs/.new-y': 1_000, 'scratch/upload-growing': 3_600_000, [`scratch/${open}`]: 2 * day };
  for (const [name, ago] of Object.entries({ ...left, ...kept })) {
    const path = join(service.dataDir, name);
    await mkdir(path);
    await utimes(path, (Date.now() - ago) / 1000, (Date.now() - ago) / 1000);
  }
  await service.sweep();
  const isThere = (name: string) =>
    stat(join(service.dataDir, name)).then(
      () => true,
      () => false,
    );
  for (const name of Object.keys(left)) expect(await isThere(name), name).toBe(false);
  for (const name of Object.keys(kept)) expect(await isThere(name), name).toBe(true);
  expect(await service.jobs.unfinished()).toEqual([open]);
});

test('keys of ours without an end get that of their family, others stay as they are, and KEYS is not sent', async () => {
  const url = new URL(redisUrlOfFile);
  const address = { host: url.hostname, port: Number(url.port), db: 13 };
  const look = new Redis(address);
  const link = connectLink(address, log, 'cache');
  onTestFinished(() => {
    look.disconnect();
    link.close();
  });
  expect(await link.upWithin(5_000)).toBe(true);
  await look.flushdb();
  for (let i = 0; i < 3_000; i += 1) await look.set(`job_progress:${i}`, '{}');
  await look.set('job_metadata:a', '{}', 'EX', 55);
  await look.set('output_files:a', '[]');
  await look.set('model_config:v32', '{}');
  await look.set('output_generation', '7');
  await look.set('mapperatorinator:generate-builtin:meta', 'x');
  await look.config('RESETSTAT');
  const { jobs, cache } = await emptyService();
  const removal = createRemoval({ jobs, cache, queues: null, log });
  await createSweeper({ jobs, cache, link, retentionMs, removal, log }).sweep();
  const ttl = (key: string) => look.ttl(key);
  expect(await ttl('job_progress:2999')).toBeGreaterThan(7_100);
  expect(await ttl('job_metadata:a')).toBeLessThanOrEqual(55);
  expect(await ttl('output_files:a')).toBeGreaterThan(3_500);
  expect(await ttl('model_config:v32')).toBeGreaterThan(86_000);
  expect(await ttl('output_generation')).toBe(-1);
  expect(await ttl('mapperatorinator:generate-builtin:meta')).toBe(-1);
  expect(await look.info('commandstats')).not.toMatch(/cmdstat_keys\b/);
});

test('with a short retention the service itself lets jobs expire, and its answers say so', async () => {
  const service = await startService({ redisUrl: null, env: { ...withFixtureModel, RETENTION_DAYS: '0.0001' } }); // 8.6 s
  const { body } = await service.submit({}, tone(2));
  const id = body['job_id'] as string;
  await service.until(id, 'succeeded');
  await new Promise((resolve) => setTimeout(resolve, 9_000));
  await service.apis[0]!.end('SIGTERM');
  const next = await service.start('api'); // sweeps at its start
  const get = async (path: string) => {
    const response = await fetch(service.urlOf(next) + path);
    return { status: response.status, text: await response.text() };
  };
  const status = await eventually(
    () => get(`/jobs/${id}/status`),
    ({ text }) => text.includes('expired'),
  );
  expect(JSON.parse(status.text)).toMatchObject({ status: 'failed', state: 'expired', output_files: null });
  expect((await get(`/jobs/${id}/download`)).status).toBe(404);
  const stream = (await get(`/jobs/${id}/stream`)).text;
  const [, lastId] = /^id: (\d+)\r\nevent: failed\r\ndata: 处理失败: 结果已过期/m.exec(stream) ?? [];
  expect(Number(lastId), 'an id grows also when the log before it is gone').toBeGreaterThan(2);
  expect(await readdir(join(service.data, 'audio_storage'))).toEqual([]);
}, 40_000);
