import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../shared/claim.ts';
import { exists, type Jobs } from '../shared/jobs.ts';
import { Problem } from '../shared/problems.ts';
import type { JobRequest } from '../shared/request.ts';

/** A promise that was not kept for so long was made by a process that died. */
const abandonedMs = 60_000;
const waitMs = 100;
const waits = 50;

interface Promised {
  /** Id of the job that this key stands for. */
  id: string;
  /** Digest of song and fields: the same key for something else is a mistake. */
  fingerprint: string;
}

/** Whose key it is: what another client calls by the same name is another. */
interface Key {
  jobs: Jobs;
  owner: string | null;
  /** The value of the `Idempotency-Key` header. */
  key: string;
}

interface Deps extends Key {
  /** The model as the client named it: which one it gets may be another by the next try. */
  model: string | undefined;
}

/**
 * The same `Idempotency-Key` makes one job, however often and through however many API processes it is sent, for a day. `make` writes the
 * record; when another request has done or is doing that, its record is given instead. Throws a Problem for a key that stands for
 * something else, and for one whose first request takes longer than 5 s.
 *
 * A promise that a crash has left stays where it is, and the next one is made at the name that follows from its own: whoever takes it
 * for abandoned goes on to the same place, where again only one can be the first. Were it removed, a slow remover could hit the next. It is the
 * same with the promise of a job that was removed since.
 */
export async function onlyOnce(
  { jobs, owner, key, model }: Deps,
  request: JobRequest,
  make: () => Promise<void>,
): Promise<{ request: JobRequest; replayed: boolean }> {
  let path = pathOf({ jobs, owner, key });
  const { id, audio, params, reference, retryOf } = request;
  const asked = [
    audio.path,
    params,
    model ?? null,
    ...(reference ? [reference.sha256] : []),
    ...(retryOf ? [{ retryOf }] : []),
  ];
  const mine: Promised = { id, fingerprint: digest(JSON.stringify(asked)) };
  for (let i = 0; i < waits; i += 1) {
    if (await promise(path, mine)) {
      try {
        await make();
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
      return { request, replayed: false };
    }
    const theirs = await read(path);
    const earlier = theirs && (await jobs.readRequest(theirs.id));
    const isVoid = !earlier && ((theirs && (await jobs.isRemoved(theirs.id))) || (await age(path)) > abandonedMs);
    if (isVoid) {
      path = join(jobs.idempotency(), digest(basename(path)));
      continue;
    }
    if (theirs && theirs.fingerprint !== mine.fingerprint) {
      const detail = 'This Idempotency-Key was used for another song or other parameters.';
      throw new Problem('idempotency_key_reused', detail);
    }
    if (earlier) return { request: earlier, replayed: true };
    await sleep(waitMs);
  }
  throw new Problem('idempotency_in_progress', 'The first request with this Idempotency-Key is still being received.');
}

/** Whether a request with this key has come before. It may have been refused since, or be refused yet. */
export const isKnown = (key: Key): Promise<boolean> => exists(pathOf(key));

const pathOf = ({ jobs, owner, key }: Key) => join(jobs.idempotency(), digest(JSON.stringify([owner, key])));

/** True for exactly one of all who try. */
async function promise(path: string, mine: Promised): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(mine), { flag: 'wx' });
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Null while it is being written, or when it has just gone. */
async function read(path: string): Promise<Promised | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text === '' ? null : (JSON.parse(text) as Promised);
}

const age = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
