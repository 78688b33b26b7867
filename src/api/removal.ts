import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Router, type Request, type Response } from 'express';
import { cachesOfJob, type Cache } from '../shared/cache.ts';
import { exists, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { Problem } from '../shared/problems.ts';
import type { Queues } from '../shared/queue.ts';
import type { AudioFile, JobRequest } from '../shared/request.ts';
import { isFinal } from '../shared/states.ts';
import type { Access } from './access.ts';

/** A song that came so lately may be that of a job whose record is being written. */
const freshSongMs = 60_000;
/** So long is a removed job remembered: what still worked for it is ended meanwhile (worker/orphans.ts), and its keys stand for nothing. */
const rememberedMs = 60_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  queues: Queues | null;
  log: Log;
}

export type Removal = ReturnType<typeof createRemoval>;

/**
 * Removes jobs with all that belongs to them. The record goes first, by one rename, so that nobody ever sees half a job; what it leaves may be
 * cleared later and twice, by any API process: every sweep finishes what a crash has left.
 */
export function createRemoval({ jobs, cache, queues, log }: Deps) {
  let running = Promise.resolve();
  let waiting: Promise<void> | null = null;

  async function remove(request: JobRequest): Promise<void> {
    if (!(await jobs.remove(request.id))) return;
    log.info({ jobId: request.id }, 'A job was removed.');
    await clear(request.id, request);
    void letGo().catch((error: unknown) => log.warn({ err: error }, 'A removal is finished by the next sweep.'));
  }

  /** Everything but the song. */
  async function clear(id: string, request: JobRequest | null) {
    await jobs.clear(id);
    for (const family of cachesOfJob) await cache.drop(family, id);
    if (request && queues?.ready()) await queues.withdraw(request.engine, id).catch(() => undefined);
  }

  /** Clears what all removed jobs have left. */
  async function finish(): Promise<void> {
    for (const { id, request } of await jobs.removed()) await clear(id, request);
    await letGo();
  }

  /** Once for all that wait for it, for it looks at every job there is. */
  function letGo(): Promise<void> {
    waiting ??= running = running
      .catch(() => undefined)
      .then(() => {
        waiting = null;
        return letGoNow();
      });
    return waiting;
  }

  /** A song stays while it is some other job's, and its own job's request until it can go. */
  async function letGoNow() {
    const gone = await jobs.removed();
    const songs = new Set<string>();
    for (const { request } of gone)
      if (request && (await exists(jobs.audio(request.audio)))) songs.add(request.audio.path);
    for (const path of songs.size > 0 ? await songsOfJobs() : []) songs.delete(path);
    for (const { id, request, clearedAt } of gone) {
      const isGone = !request || !songs.has(request.audio.path) || (await removeSong(jobs, request.audio, freshSongMs));
      if (isGone && Date.now() - clearedAt >= rememberedMs) await jobs.forget(id);
    }
  }

  async function songsOfJobs(): Promise<Set<string>> {
    const paths = new Set<string>();
    for (const id of await jobs.ids()) {
      const request = await jobs.readRequest(id).catch(() => null);
      if (request) paths.add(request.audio.path);
    }
    return paths;
  }

  return { remove, finish };
}

/** `DELETE /jobs/{id}`: for good. */
export function removalRoutes({ access, removal }: { access: Access; removal: Removal }): Router {
  return Router().delete('/jobs/:id', async (req: Request<{ id: string }>, res: Response) => {
    access.refuseForeignPages(req);
    const { request, state } = await access.findOwn(req);
    if (!isFinal(state)) throw new Problem('job_open', 'The job has not ended; cancel it first.');
    await removal.remove(request);
    res.status(204).end();
  });
}

/**
 * Removes a song that no job needs, unless it was uploaded or asked for less than `freshMs` ago. That may happen at this moment: so it is put
 * aside, looked at again, and put back. False: it stays.
 */
export async function removeSong(jobs: Jobs, song: Pick<AudioFile, 'path'>, freshMs: number): Promise<boolean> {
  const path = jobs.audio(song);
  if ((await ageOf(path)) < freshMs) return false;
  const aside = join(jobs.uploads(), `upload-${randomUUID()}`);
  const isMine = await rename(path, aside).then(
    () => true,
    () => false, // another process was first
  );
  if (!isMine) return true;
  if ((await ageOf(aside)) >= freshMs) {
    await rm(aside);
    return true;
  }
  await rename(aside, path);
  return false;
}

/** How long ago a file was written, ms; Infinity when it is gone. */
const ageOf = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Infinity,
  );
