import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEndedJobs } from '../src/api/ended.ts';
import { createEstimator } from '../src/api/eta.ts';
import type { Handover } from '../src/api/handover.ts';
import { takeClaim } from '../src/shared/claim.ts';
import { createJobs } from '../src/shared/jobs.ts';
import type { JobRequest } from '../src/shared/request.ts';
import { eventually } from './service.ts';

/** A data folder, and jobs in it that run or took so many seconds; no song's header says how long it is. */
async function folder() {
  const dataDir = await mkdtemp(join(tmpdir(), 'estimate-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const jobs = createJobs(dataDir);
  await jobs.prepare();
  let n = 0;

  async function running(): Promise<JobRequest> {
    n += 1;
    const request: JobRequest = {
      id: `01a20d20-19ab-7709-80f0-0b07b0d6cd${10 + n}`,
      createdAt: Date.now(),
      engine: 'builtin',
      model: 'builtin',
      audio: { path: `audio_storage/${n}.mp3`, filename: 'x.mp3', format: 'mp3', bytes: 1 },
      params: { gamemode: 0, difficulty: 5, export_osz: true, add_to_beatmap: false },
      warnings: [],
    };
    await jobs.create(request);
    await takeClaim(jobs.folder(request.id), 'worker');
    return request;
  }

  async function succeeded(seconds: number) {
    const { id } = await running();
    const report = { objects: 1, first_object_ms: 0, last_object_ms: 10_000 };
    const finishedAt = Date.now() + seconds * 1000;
    await jobs.finish(id, { state: 'succeeded', finishedAt, attempt: 1, warnings: [], report });
    return id;
  }
  return { jobs, running, succeeded };
}

test('nobody waits for songs to be counted: their ends are not estimated before', async () => {
  const { jobs, running, succeeded } = await folder();
  for (let i = 0; i < 3; i += 1) await succeeded(1);
  const broken = await succeeded(1);
  await writeFile(join(jobs.folder(broken), 'claims', '1'), ''); // a crash kept its text from the disk
  const ended = createEndedJobs(jobs);
  await ended.look();
  const estimator = createEstimator({ jobs, ended, handover: {} as Handover }); // asked of jobs that wait only
  const tagged = await readFile(new URL('./fixtures/audio/click-at-1s.mp3', import.meta.url));
  const song = Buffer.concat(new Array<Buffer>(600).fill(tagged)); // twenty minutes
  const requests = [await running(), await running(), await running()];
  for (const request of requests) await writeFile(jobs.audio(request.audio), song);

  const ends = () =>
    Promise.all(requests.map(async (request) => (await estimator.estimate({ request, state: 'running' })).eta));
  expect(await ends()).toEqual([null, null, null]);
  const [first, , last] = await eventually(ends, (found) => !found.includes(null));
  // A tenth of a second for each of song. Had the broken claim counted, the end would be years away.
  expect(first!.to_seconds).toBeGreaterThan(90);
  expect(first!.to_seconds).toBeLessThan(160);
  expect(last!.to_seconds).toBeLessThan(160);
});
