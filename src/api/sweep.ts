import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ttlSeconds, type Cache, type CacheFamily } from '../shared/cache.ts';
import { bringInLine } from '../shared/ending.ts';
import { createdAt, isJobId, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import type { RedisLink } from '../shared/redis.ts';
import { removeSong, type Removal } from './removal.ts';

const everyMs = 300_000;
/** What a crash left half done is old enough to be removed after this. */
const leftoverMs = 3_600_000;
/** An upload may take long; one that has not grown for a day is dead. */
const deadUploadMs = 86_400_000;

/** So long does an Idempotency-Key stand for its job. */
const idempotencyMs = 86_400_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  link: RedisLink | null;
  /** So long after its end a job's files are removed, and after as long again its record. */
  retentionMs: number;
  removal: Removal;
  log: Log;
}

/** Removes what is too old and mends what is half done, every five minutes. Any number of API processes may do it at once. */
export function createSweeper({ jobs, cache, link, retentionMs, removal, log }: Deps) {
  let closed = false;
  let running = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function sweep(): Promise<void> {
    return (running = running.then(sweepOnce));
  }

  async function sweepOnce() {
    const steps = [mendTtls, expireJobs, removal.finish, removeSongs, removeLeftovers];
    for (const step of steps) {
      await step().catch((error: unknown) => log.warn({ err: error, step: step.name }, 'A sweep was not finished.'));
    }
  }

  /** Somebody's own write, or a restored dump, may have left keys of ours without an end. */
  async function mendTtls() {
    let cursor = '0';
    do {
      if (!link?.up()) return;
      const [next, found] = await link.redis.scan(cursor, 'COUNT', 1000);
      const keys = found.filter((key) => Object.hasOwn(ttlSeconds, /^(.+?):/.exec(key)?.[1] ?? ''));
      const ttls = await Promise.all(keys.map((key) => link.redis.ttl(key)));
      const endless = keys.filter((_key, i) => ttls[i] === -1);
      await Promise.all(endless.map((key) => link.redis.expire(key, ttlSeconds[key.split(':')[0] as CacheFamily])));
      cursor = next;
    } while (cursor !== '0' && !closed);
  }

  async function expireJobs() {
    const now = Date.now();
    for (const id of await jobs.ids()) {
      if (closed) return;
      if (now - createdAt(id) < retentionMs) continue;
      // One that cannot, for somebody removes it at this moment, keeps no other from it.
      await expireJob(id, now).catch((error: unknown) => log.warn({ jobId: id, err: error }, 'An old job stays.'));
    }
  }

  async function expireJob(id: string, now: number) {
    const outcome = await jobs.readOutcome(id).catch(() => null);
    if (!outcome || now - outcome.finishedAt < retentionMs) return;
    if (now - outcome.finishedAt >= 2 * retentionMs) {
      await jobs.remove(id);
      log.info({ jobId: id }, 'The record of an old job was removed.');
    } else if (outcome.state === 'succeeded') {
      await jobs.expire(id, outcome);
      await bringInLine({ jobs, cache }, id);
      log.info({ jobId: id }, 'The files of an old job were removed.');
    }
  }

  /** A song goes when it was last uploaded a retention ago and no open job waits for it. */
  async function removeSongs() {
    const folder = dirname(jobs.audio({ path: jobs.audioPath('x', 'mp3') }));
    const requests = await Promise.all((await jobs.unfinished()).map((id) => jobs.readRequest(id).catch(() => null)));
    const needed = new Set(requests.map((request) => request && basename(request.audio.path)));
    for (const name of await readdir(folder)) {
      if (!needed.has(name)) await removeSong(jobs, { path: join(basename(folder), name) }, retentionMs);
    }
  }

  async function removeLeftovers() {
    const uploads = jobs.uploads();
    for (const name of await readdir(uploads)) {
      const path = join(uploads, name);
      const dead = isJobId(name) ? await isOver(name) : (await age(path)) > deadUploadMs;
      if (dead) await rm(path, { recursive: true, force: true });
    }
    for (const name of await readdir(jobs.idempotency())) {
      const path = join(jobs.idempotency(), name);
      if ((await age(path)) > idempotencyMs) await rm(path, { force: true });
    }
    for (const path of await jobs.drafts()) {
      if ((await age(path)) > leftoverMs) await rm(path, { recursive: true, force: true });
    }
  }

  async function isOver(id: string) {
    return (await jobs.readOutcome(id)) !== null || (await jobs.readRequest(id)) === null;
  }

  return {
    sweep,
    start() {
      void sweep();
      timer = setInterval(() => void sweep(), everyMs);
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

/** How long ago a file was written, ms; 0 when it is gone. */
const age = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
