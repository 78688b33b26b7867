import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { takeClaim } from '../src/shared/claim.ts';
import { readEvents } from '../src/shared/events.ts';
import { createJobs, isJobId, listOutputs, publish, type Outcome } from '../src/shared/jobs.ts';
import type { JobRequest } from '../src/shared/request.ts';

const id = '01a20d20-19ab-7709-80f0-0b07b0d6cd69';
const request: JobRequest = {
  id,
  createdAt: 1_000,
  engine: 'builtin',
  model: 'builtin',
  audio: { path: 'audio_storage/x.mp3', filename: 'x.mp3', format: 'mp3', bytes: 1 },
  params: { gamemode: 0, difficulty: 5, export_osz: true, add_to_beatmap: false },
  warnings: [],
};
const outcome = (state: Outcome['state']): Outcome => ({ state, finishedAt: 2_000, attempt: 1, warnings: [] });

async function oneJob() {
  const jobs = createJobs(await mkdtemp(join(tmpdir(), 'jobs-')));
  await jobs.prepare();
  await jobs.create(request);
  return jobs;
}

test('the state follows from claim, cancel flag and outcome', async () => {
  const jobs = await oneJob();
  expect((await jobs.read(id))?.state).toBe('queued');
  await takeClaim(jobs.folder(id), 'worker');
  expect((await jobs.read(id))?.state).toBe('running');
  await jobs.requestCancel(id);
  expect((await jobs.read(id))?.state).toBe('cancelling');
  await jobs.finish(id, outcome('cancelled'));
  expect((await jobs.read(id))?.state).toBe('cancelled');
});

test('of many outcomes written at once the first stays, and the log has one terminal event that agrees', async () => {
  const jobs = await oneJob();
  const firsts = await Promise.all([
    jobs.finish(id, outcome('succeeded')),
    jobs.finish(id, { ...outcome('failed'), attempt: 2 }),
  ]);
  expect(firsts.filter(Boolean)).toHaveLength(1);
  const state = (await jobs.read(id))!.state;
  expect(state).toBe(firsts[0] ? 'succeeded' : 'failed');
  const terminal = (await readEvents(jobs.events(id))).filter(
    ({ event }) => event.type === 'state' && event.state !== 'queued',
  );
  expect(new Set(terminal.map(({ event }) => event.type === 'state' && event.state))).toEqual(new Set([state]));
  expect(await jobs.unfinished()).toEqual([]);
});

test('a folder of open jobs that somebody removed is made again, with the open jobs', async () => {
  const jobs = await oneJob();
  const ended = '01a20d20-19ab-7709-80f0-0b07b0d6cd70';
  await jobs.create({ ...request, id: ended });
  await jobs.finish(ended, outcome('failed'));
  await rm(dirname(jobs.outputs(id)).replace(/outputs$/, 'unfinished'), { recursive: true });
  await jobs.prepare();
  expect(await jobs.unfinished()).toEqual([id]);
});

test('a cancel outlives the removal of the outputs folder', async () => {
  const jobs = await oneJob();
  expect(await jobs.requestCancel(id)).toBe(true);
  await rm(dirname(jobs.outputs(id)), { recursive: true });
  expect((await jobs.read(id))?.state).toBe('cancelling');
  expect(await jobs.requestCancel(id)).toBe(true);
  expect(await publish(await attempted('map'), jobs.outputs(id))).toBe(false);
});

test('many that make the folder of open jobs at once get it, and leave nothing beside', async () => {
  const jobs = await oneJob();
  const broken = '01a20d20-19ab-7709-80f0-0b07b0d6cd60';
  await jobs.create({ ...request, id: broken });
  await writeFile(join(jobs.folder(broken), 'outcome.json'), '');
  await rm(dirname(jobs.outputs(id)).replace(/outputs$/, 'unfinished'), { recursive: true });
  await Promise.all(Array.from({ length: 8 }, () => jobs.prepare()));
  expect(await jobs.unfinished()).toEqual([broken, id]);
  expect(await jobs.drafts()).toEqual([]);
});

test('a record that two remove at once is gone', async () => {
  const jobs = await oneJob();
  await Promise.all([jobs.remove(id), jobs.remove(id)]);
  expect(await jobs.ids()).toEqual([]);
  expect(await jobs.drafts()).toEqual([]);
});

test('a record that cannot be read keeps no other from being found', async () => {
  const jobs = await oneJob();
  const broken = '01a20d20-19ab-7709-80f0-0b07b0d6cd60';
  await jobs.create({ ...request, id: broken });
  await writeFile(join(jobs.folder(broken), 'outcome.json'), '');
  expect(await jobs.unfinished()).toEqual([broken, id]);
  await expect(jobs.read(broken)).rejects.toThrow(SyntaxError);
});

test('a removed record is gone at once, for whoever reads beside', async () => {
  for (let round = 0; round < 20; round += 1) {
    const jobs = await oneJob();
    await takeClaim(jobs.folder(id), 'worker');
    await jobs.finish(id, outcome('failed'));
    const seen = new Set<string | undefined>();
    let over = false;
    const removed = jobs.remove(id).finally(() => (over = true));
    while (!over) seen.add((await jobs.read(id))?.state);
    await removed;
    seen.delete('failed');
    seen.delete(undefined);
    expect([...seen]).toEqual([]);
    expect(await jobs.read(id)).toBeNull();
  }
});

test('a crash between outcome and log is mended by the next look', async () => {
  const jobs = await oneJob();
  await writeFile(join(jobs.folder(id), 'outcome.json'), JSON.stringify(outcome('succeeded')));
  await appendFile(jobs.events(id), '{"type":"outp'); // the writer died in the middle of a line
  expect(await jobs.unfinished()).toEqual([]);
  const events = await readEvents(jobs.events(id));
  expect(events.at(-1)).toMatchObject({ id: 3, event: { type: 'state', state: 'succeeded' } });
});

test('a crash before the record was in place leaves no job', async () => {
  const jobs = await oneJob();
  await rm(jobs.folder(id), { recursive: true });
  expect(await jobs.unfinished()).toEqual([]);
  expect(await jobs.read(id)).toBeNull();
});

async function attempted(name: string) {
  const out = join(await mkdtemp(join(tmpdir(), 'scratch-')), 'out');
  await mkdir(out);
  await writeFile(join(out, `${name}.osu`), 'x');
  return out;
}

test('outputs are published once: the second attempt changes nothing', async () => {
  const jobs = await oneJob();
  for (const name of ['first', 'second']) expect(await publish(await attempted(name), jobs.outputs(id))).toBe(true);
  expect(await readdir(jobs.outputs(id))).toEqual(['first.osu']);
});

test('of a cancel and a publishing at once exactly one comes through', async () => {
  for (let round = 0; round < 50; round += 1) {
    const jobs = await oneJob();
    const out = await attempted('map');
    const [cancelled, published] = await Promise.all([jobs.requestCancel(id), publish(out, jobs.outputs(id))]);
    expect(published).toBe(!cancelled);
    expect(await jobs.cancelRequested(id)).toBe(cancelled);
    expect(await jobs.requestCancel(id), 'a second cancel is answered like the first').toBe(cancelled);
    expect(await listOutputs(jobs.outputs(id))).toEqual(cancelled ? [] : ['map.osu']);
  }
});

test.each(['..', '.', '../../etc', 'x', '', '01A20D20-19AB-7709-80F0-0B07B0D6CD69', `${id}/..`, `${id}\n`])(
  '%j is no job id',
  (text) => {
    expect(isJobId(text)).toBe(false);
  },
);

test('a beatmap that was sent along is there as long as the results are', async () => {
  const jobs = await oneJob();
  expect(await jobs.readReference(id)).toBeNull();
  const other = '01a20d20-19ab-7709-80f0-0b07b0d6cd71';
  await jobs.create({ ...request, id: other }, 'osu file format v14\r\n\ud83d\ude00');
  expect(await jobs.readReference(other)).toBe('osu file format v14\r\n\ud83d\ude00');
  await jobs.finish(other, outcome('succeeded'));
  expect(await jobs.readReference(other)).not.toBeNull();
  await jobs.expire(other, outcome('succeeded'));
  expect(await jobs.readReference(other)).toBeNull();
  expect((await jobs.read(other))?.state).toBe('expired');
});
