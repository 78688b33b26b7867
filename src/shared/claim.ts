import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The claim on a job: who may run it and publish its files. BullMQ's lock decides who may try, the claim decides who does.
 *
 * `claims/<n>` is made by exclusive create, so exactly one owner gets number n; the highest number is the claim in
 * force and is also the number of the attempt. Its owner touches it (mtime = heartbeat, the owner's clock). A claim
 * whose heartbeat is older than `staleAfterMs` is lost, and n + 1 may be created; a released one has mtime 0.
 *
 *   no claim | released | lost ──create n+1──▶ held ──release──▶ released
 *                                               └──owner dies──▶ lost
 */
export const heartbeatMs = 2_000;
export const staleAfterMs = 10_000;

export interface Claim {
  attempt: number;
  /** How many owners of this job died before. */
  lostBefore: number;
  /** Touches the claim. False: somebody took over, or removed the job; stop and publish nothing. */
  beat(): Promise<boolean>;
  /** Gives the job back without having spent it. */
  release(): Promise<void>;
}

export type ClaimState = 'none' | 'held' | 'released' | 'lost';

/** An owner that has been silent for so long has missed a beat: most likely it is dead. */
const missedBeatMs = 2 * heartbeatMs;
const lookMs = 250;

/** The claim in force on a job's folder. */
export async function readClaim(jobFolder: string): Promise<{ attempt: number; state: ClaimState }> {
  const attempt = Math.max(0, ...(await attempts(jobFolder)));
  return { attempt, state: attempt === 0 ? 'none' : await stateOf(jobFolder, attempt) };
}

export interface Attempt {
  attempt: number;
  /** Who took it: `host:pid:…` of a worker, `api:pid` of an API that ended the job. */
  owner: string;
  /** Epoch milliseconds. */
  claimedAt: number;
  state: ClaimState;
}

/** Every claim that was ever made on a job, oldest first. */
export async function readAttempts(jobFolder: string): Promise<Attempt[]> {
  const numbers = (await attempts(jobFolder)).sort((a, b) => a - b);
  return Promise.all(
    numbers.map(async (attempt) => ({
      attempt,
      ...parseOwner(await readFile(join(jobFolder, 'claims', String(attempt)), 'utf8')),
      state: await stateOf(jobFolder, attempt),
    })),
  );
}

/** A claim is made before it is filled; one that is read in between says nothing yet. */
function parseOwner(text: string): Pick<Attempt, 'owner' | 'claimedAt'> {
  return text === '' ? { owner: '', claimedAt: 0 } : (JSON.parse(text) as Pick<Attempt, 'owner' | 'claimedAt'>);
}

/**
 * Waits while the claim is held by an owner that has missed a beat: a few seconds at most, until it is lost. True when the claim can be
 * taken now, false when its owner lives.
 */
export async function untilLost(jobFolder: string): Promise<boolean> {
  for (;;) {
    const attempt = Math.max(0, ...(await attempts(jobFolder)));
    if (attempt === 0) return true;
    const { mtimeMs } = await stat(join(jobFolder, 'claims', String(attempt)));
    const silentMs = Date.now() - mtimeMs;
    if (silentMs >= staleAfterMs) return true;
    if (silentMs < missedBeatMs) return false;
    await sleep(lookMs);
  }
}

const countLost = (states: ClaimState[]) => states.filter((state) => state === 'lost').length;

/** How many owners of this job have died. */
export async function lostOwners(jobFolder: string): Promise<number> {
  const states = await Promise.all((await attempts(jobFolder)).map((n) => stateOf(jobFolder, n)));
  return countLost(states);
}

/**
 * Takes the claim, or answers null while another owner holds it and for a job that was removed: its folder is never made again. Throws only
 * when the disk does.
 */
export async function takeClaim(jobFolder: string, owner: string): Promise<Claim | null> {
  const previous = await attempts(jobFolder);
  const states = await Promise.all(previous.map((n) => stateOf(jobFolder, n)));
  const latest = Math.max(0, ...previous);
  if (latest > 0 && states[previous.indexOf(latest)] === 'held') return null;

  const attempt = latest + 1;
  const path = join(jobFolder, 'claims', String(attempt));
  try {
    await mkdir(join(jobFolder, 'claims')).catch((error: unknown) => {
      if (!isErrno(error, 'EEXIST')) throw error;
    });
    await fillNew(path, JSON.stringify({ owner, claimedAt: Date.now() }));
  } catch (error) {
    if (isErrno(error, 'EEXIST') || isErrno(error, 'ENOENT')) return null;
    throw error;
  }

  let beating: Promise<boolean> | null = null;
  async function touch() {
    if (Math.max(0, ...(await attempts(jobFolder))) !== attempt) return false;
    await utimes(path, new Date(), new Date());
    return true;
  }
  return {
    attempt,
    lostBefore: countLost(states),
    beat: () => (beating ??= touch().finally(() => (beating = null))),
    async release() {
      await beating?.catch(() => undefined); // a beat that comes later would make the claim look held
      await utimes(path, 0, 0);
    },
  };
}

/** Makes a file, exclusively. A full disk lets one be made and not be filled: that one goes again, for nobody holds it. */
async function fillNew(path: string, text: string) {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function attempts(jobFolder: string): Promise<number[]> {
  try {
    return (await readdir(join(jobFolder, 'claims'))).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function stateOf(jobFolder: string, attempt: number): Promise<ClaimState> {
  const { mtimeMs } = await stat(join(jobFolder, 'claims', String(attempt)));
  if (mtimeMs === 0) return 'released';
  return Date.now() - mtimeMs < staleAfterMs ? 'held' : 'lost';
}

/** True for a system error with this code. */
export const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
