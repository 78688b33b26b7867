import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { heartbeatMs, readClaim, staleAfterMs, takeClaim, untilLost } from '../src/shared/claim.ts';

const folder = () => mkdtemp(join(tmpdir(), 'claim-'));

/** What a dead owner leaves: a heartbeat that grew old. */
const letDie = (job: string, attempt: number) => {
  const then = new Date(Date.now() - staleAfterMs - 1000);
  return utimes(join(job, 'claims', String(attempt)), then, then);
};

test('of fifty that reach for a free job at once, exactly one gets it', async () => {
  const job = await folder();
  const claims = await Promise.all(Array.from({ length: 50 }, (_, i) => takeClaim(job, `worker ${i}`)));
  expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
});

test('a claim that is looked after is not taken over', async () => {
  const job = await folder();
  await takeClaim(job, 'a');
  expect(await takeClaim(job, 'b')).toBeNull();
  expect(await readClaim(job)).toEqual({ attempt: 1, state: 'held' });
});

test('a dead owner is replaced by exactly one, and learns of it when it wakes', async () => {
  const job = await folder();
  const dead = await takeClaim(job, 'a');
  await letDie(job, 1);
  const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => takeClaim(job, `worker ${i}`)));
  const won = claims.filter((claim) => claim !== null);
  expect(won).toHaveLength(1);
  expect(won[0]).toMatchObject({ attempt: 2, lostBefore: 1 });
  expect(await dead!.beat()).toBe(false);
  expect(await won[0]!.beat()).toBe(true);
});

test('who comes just before a dead owner is given up waits for it; a living one is not waited for', async () => {
  const job = await folder();
  expect(await untilLost(job)).toBe(true);
  await takeClaim(job, 'a');
  const started = Date.now();
  expect(await untilLost(job)).toBe(false);
  expect(Date.now() - started).toBeLessThan(heartbeatMs);
  const then = new Date(Date.now() - staleAfterMs + 1_000);
  await utimes(join(job, 'claims', '1'), then, then);
  expect(await takeClaim(job, 'b')).toBeNull();
  expect(await untilLost(job)).toBe(true);
  expect((await takeClaim(job, 'b'))?.attempt).toBe(2);
});

test('a beat that is under way when the job is given back does not hold it', async () => {
  for (let round = 0; round < 30; round += 1) {
    const job = await folder();
    const claim = (await takeClaim(job, 'a'))!;
    const beat = claim.beat();
    await claim.release();
    await beat;
    expect((await readClaim(job)).state).toBe('released');
  }
});

test('a job that was given back is free at once and counts no lost worker', async () => {
  const job = await folder();
  const first = await takeClaim(job, 'a');
  await first!.release();
  expect((await readClaim(job)).state).toBe('released');
  expect(await takeClaim(job, 'b')).toMatchObject({ attempt: 2, lostBefore: 0 });
});

test('a file in the folder that is no claim is none', async () => {
  const job = await folder();
  await takeClaim(job, 'a');
  await writeFile(join(job, 'claims', '.nfs0001'), '');
  expect(await takeClaim(job, 'b')).toBeNull();
  expect(await readClaim(job)).toEqual({ attempt: 1, state: 'held' });
});

test('a job that was removed is nobody’s: no claim is given on it, and its folder stays away', async () => {
  const job = await folder();
  await rm(job, { recursive: true });
  expect(await takeClaim(job, 'a')).toBeNull();
  await expect(readdir(job)).rejects.toThrow('ENOENT');
});
