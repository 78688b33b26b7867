import { spawn } from 'node:child_process';
import { mkdtemp, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { staleAfterMs, takeClaim } from '../src/shared/claim.ts';
import { createJobs } from '../src/shared/jobs.ts';
import { attemptVariable, forkModule, isRunning, runProgram, type Exit } from '../src/shared/process.ts';
import { endOrphans, nameWorker } from '../src/worker/orphans.ts';
import { eventually } from './service.ts';

const environment = { PATH: process.env['PATH'] ?? '' };

test('a program has ended when it has ended, also while something that left its group holds its pipes', async () => {
  const lines: string[] = [];
  const script = 'setsid sleep 30 & echo $!; sleep 0.2; echo done';
  const started = performance.now();
  const exit = await runProgram(
    { file: '/bin/sh', args: ['-c', script], env: environment },
    (line) => lines.push(line),
    new AbortController().signal,
  );
  onTestFinished(() => void process.kill(Number(lines[0]), 'SIGKILL'));
  expect(exit.code).toBe(0);
  expect(lines[1]).toBe('done');
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('messages to a process that has just died harm nobody', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'module-'));
  const path = join(folder, 'child.mjs');
  await writeFile(path, "process.send('up'); setInterval(() => {}, 1000); process.on('message', () => {});");
  for (let round = 0; round < 5; round += 1) {
    const child = forkModule(path, []);
    await new Promise<void>((resolve) => child.onMessage(() => resolve()));
    const ended = new Promise<Exit>((resolve) => child.onExit(resolve));
    child.kill('SIGSTOP');
    child.kill('SIGKILL');
    for (let n = 0; n < 2_000; n += 1) child.send({ n, text: 'x'.repeat(200) });
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  }
  await sleep(100); // an error that nobody listens to would end this process
});

/** A program that carries the name of an attempt, and the job that it belongs to. */
async function engineOf(owner: string) {
  const id = '01a20d20-19ab-7709-80f0-0b07b0d6cd69';
  const jobs = createJobs(await mkdtemp(join(tmpdir(), 'orphans-')));
  await jobs.prepare();
  await jobs.create({
    id,
    createdAt: Date.now(),
    engine: 'builtin',
    model: 'builtin',
    audio: { path: 'audio_storage/x.mp3', filename: 'x.mp3', format: 'mp3', bytes: 1 },
    params: { gamemode: 0, difficulty: 5, export_osz: true, add_to_beatmap: false },
    warnings: [],
  });
  const claim = (await takeClaim(jobs.folder(id), owner))!;
  const engine = spawn('sleep', ['60'], { env: { ...environment, [attemptVariable]: `${id}/1` }, stdio: 'ignore' });
  onTestFinished(() => void engine.kill('SIGKILL'));
  const pid = engine.pid!;
  await eventually(
    () => readFile(`/proc/${pid}/environ`, 'utf8'),
    (text) => text.includes(id),
  );
  const beSilent = async () => {
    const then = new Date(Date.now() - staleAfterMs - 1_000);
    await utimes(join(jobs.folder(id), 'claims', '1'), then, then);
  };
  let killed = false;
  const ended = new Promise<void>((resolve) =>
    engine.once('exit', () => {
      killed = true;
      resolve();
    }),
  );
  const look = async () => {
    await endOrphans(jobs, pino({ level: 'silent' }));
    await Promise.race([ended, sleep(1_000)]);
    return killed;
  };
  return { id, jobs, claim, beSilent, look };
}

test('the engine of a worker that is silent but there is left alone', async () => {
  const { beSilent, look } = await engineOf(nameWorker());
  expect(await look()).toBe(false);
  await beSilent();
  expect(await look()).toBe(false);
});

test('the engine of a worker that is gone is ended', async () => {
  const dead = spawn('true');
  await new Promise((resolve) => dead.once('exit', resolve));
  expect(isRunning(dead.pid!)).toBe(false);
  const { look } = await engineOf(`${hostname()}:${dead.pid}:x`);
  expect(await look()).toBe(true);
});

test('the engine of an attempt that was given back, taken over or has ended, or whose job was removed, is ended', async () => {
  const released = await engineOf(nameWorker());
  await released.claim.release();
  expect(await released.look()).toBe(true);

  const lost = await engineOf(nameWorker());
  await lost.beSilent();
  await takeClaim(lost.jobs.folder(lost.id), 'another');
  expect(await lost.look()).toBe(true);

  const over = await engineOf(nameWorker());
  await over.jobs.finish(over.id, { state: 'cancelled', finishedAt: Date.now(), attempt: 2, warnings: [] });
  expect(await over.look()).toBe(true);

  const removed = await engineOf(nameWorker());
  await removed.jobs.remove(removed.id);
  expect(await removed.look()).toBe(true);
});

test('the engine of another host is not ours to end', async () => {
  const { beSilent, look } = await engineOf('elsewhere:1:x');
  await beSilent();
  expect(await look()).toBe(false);
});
