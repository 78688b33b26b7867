import { Queue, Worker, DelayedError, WaitingError, type ConnectionOptions } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { failpoint } from './failpoint.ts';
import { readLine } from './queue-line.ts';
import { oncePerJob, troubleToRun, type Log } from './log.ts';
import type { RedisLink } from './redis.ts';
import { engineNames, type EngineName } from './request.ts';

/**
 * The queue contract, both ends. One BullMQ queue per engine, so that a worker only ever takes what it can run. A queued
 * job carries nothing but its id: the record on disk says what to do. BullMQ's job id is the job's id, so handing a job
 * over twice is one job.
 */
const prefix = 'mapperatorinator';
const queueName = (engine: EngineName) => `generate-${engine}`;

/**
 * Of every job: so that those that wait are in a sorted set, where the place of one is looked up and not searched for. BullMQ takes the jobs
 * without one before all others (those handed over by an earlier version), and what is given back to the head of its priority.
 */
const priority = 1;
/** Sorted set: one member a worker, its score is when the announcement runs out (epoch ms). */
const workersKey = `${prefix}:workers`;
const announcementMs = 15_000;
export const announceEveryMs = 5_000;

/** What a worker says of itself. */
export interface Announcement {
  worker: string;
  /** Those that can run a job at present. */
  engines: EngineName[];
  /** Those whose weights are there. */
  models: string[];
  formats: string[];
  /** Models that the checkout knows and that cannot run for want of their weights, never fetched or not whole. */
  missing?: { model: string; state: 'absent' | 'incomplete'; detail: string }[];
  /** Names of the LoRAs that a request may ask for. */
  loras?: string[];
  devices?: DeviceReport[];
}

/** What a worker says of one slot for the model's program. */
export interface DeviceReport {
  /** As in CUDA_VISIBLE_DEVICES, or `auto`. */
  slot: string;
  /** `cold`: it works, but loads the model for every job. */
  state: 'starting' | 'ready' | 'cold' | 'failed';
  /** The last one that was loaded. */
  model: string | null;
  device?: 'cuda' | 'mps' | 'cpu';
  device_name?: string | null;
  memory_bytes?: number;
  /** Why it failed. */
  code?: string;
  detail?: string;
}

export type Queues = ReturnType<typeof createQueues>;

/** The API's end, on a link: a call to a Redis that does not answer rejects within 100 ms. */
export function createQueues(link: RedisLink, log: Log) {
  const { redis: connection } = link;
  const queues = { builtin: open('builtin'), mapperatorinator: open('mapperatorinator') };

  function open(engine: EngineName) {
    const queue = new Queue(queueName(engine), {
      connection,
      prefix,
      skipWaitingForReady: true, // without these two a queue made while Redis is away hangs, or stays broken for ever
      skipVersionCheck: true,
      defaultJobOptions: {
        attempts: 3,
        backoff: { type: 'exponential', delay: 2000, jitter: 0.2 },
        removeOnComplete: { count: 1000 },
        removeOnFail: { count: 1000 },
        sizeLimit: 4096,
        stackTraceLimit: 3,
      },
    });
    queue.on('error', (error) => log.debug({ err: error.message, queue: queue.name }, 'The queue reported an error.'));
    return queue;
  }

  /** Makes sure that an unfinished job is in the queue; one that BullMQ has given up on goes in again. */
  async function hand(engine: EngineName, id: string) {
    const state = await stateOf(engine, id);
    if (!['completed', 'failed', 'unknown'].includes(state)) return;
    await queues[engine].remove(id); // also what is left of an unknown one whose list was evicted: with that, an add does nothing
    await failpoint('hand:looked');
    await queues[engine].add('generate', { id }, { jobId: id, priority });
  }

  /** BullMQ's word for where a job is; `unknown` when it has never heard of it. */
  async function stateOf(engine: EngineName, id: string) {
    const state = await queues[engine].getJobState(id);
    return state === 'prioritized' ? 'waiting' : state;
  }

  /** Who is before a job. */
  const lineBefore = (engine: EngineName, id: string) => readLine(connection, (list) => queues[engine].toKey(list), id);

  /** Takes a job out if it still waits. */
  const withdraw = (engine: EngineName, id: string) => queues[engine].remove(id);

  /** Ids of the jobs that workers have taken. */
  async function taken(): Promise<string[]> {
    const lists = engineNames.map((engine) => connection.lrange(queues[engine].toKey('active'), 0, -1));
    return (await Promise.all(lists)).flat();
  }

  async function countsOf(engine: EngineName): Promise<Record<string, number>> {
    const counts = await queues[engine].getJobCounts(
      'waiting',
      'prioritized',
      'active',
      'delayed',
      'failed',
      'completed',
    );
    const { waiting = 0, prioritized = 0, ...others } = counts;
    return { waiting: waiting + prioritized, ...others };
  }

  async function counts(): Promise<Record<EngineName, Record<string, number>>> {
    const [builtin, mapperatorinator] = await Promise.all([countsOf('builtin'), countsOf('mapperatorinator')]);
    return { builtin, mapperatorinator };
  }

  /** The announcements of the workers that are there now. */
  async function workers(): Promise<Announcement[]> {
    const members = await connection.zrangebyscore(workersKey, Date.now(), '+inf');
    return members.map((member) => JSON.parse(member) as Announcement);
  }

  /** `maxmemory-policy` of this Redis; anything but noeviction may lose queued jobs. */
  async function evictionPolicy(): Promise<string> {
    return /maxmemory_policy:(\S+)/.exec(await connection.info('memory'))?.[1] ?? 'unknown';
  }

  return {
    ready: link.up,
    hand,
    stateOf,
    lineBefore,
    withdraw,
    taken,
    counts,
    /** BullMQ's own, for its board. */
    all: Object.values(queues),
    workers,
    evictionPolicy,
    close: () => Promise.all(Object.values(queues).map((queue) => queue.close())),
  };
}

/** What became of one delivery of a job. */
export type Delivery =
  | 'ended' // it has an outcome
  | 'held' // somebody else runs it: look again later
  | 'released'; // given back, for this worker stops

export interface QueueWorkerOptions {
  engine: EngineName;
  connection: RedisOptions;
  concurrency: number;
  log: Log;
  process: (id: string) => Promise<Delivery>;
}

export type QueueWorker = ReturnType<typeof createQueueWorker>;

/** The worker's end. It only delivers: whether a job runs is up to its claim, so a lost BullMQ lock stops nothing. */
export function createQueueWorker({ engine, connection, concurrency, log, process }: QueueWorkerOptions) {
  /** BullMQ says so at every renewal. */
  const lostLock = oncePerJob((jobId) =>
    log.warn({ jobId }, 'The queue has lost the lock of a running job; it runs on, its claim decides.'),
  );
  const worker = new Worker<{ id: string }>(
    queueName(engine),
    async (job, token) => {
      const delivery = await process(job.data.id).finally(() => lostLock.over(job.data.id));
      if (delivery === 'held') {
        await job.moveToDelayed(Date.now() + 5_000, token);
        throw new DelayedError();
      }
      if (delivery === 'released') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
    },
    {
      connection: connection as ConnectionOptions,
      prefix,
      concurrency,
      skipVersionCheck: true, // the API warns of an evicting policy, once and in words
      lockDuration: 15_000,
      stalledInterval: 5_000,
      maxStalledCount: 2, // the claims count the dead workers; a job that BullMQ gives up is handed over again
      runRetryDelay: 2000,
    },
  );
  worker.on('error', (error) => log.debug({ err: error.message, engine }, 'The queue reported an error.'));
  const trouble = troubleToRun(log);
  worker.on('failed', (job, error) => trouble.say(job?.data.id ?? '', error));
  worker.on('completed', (job) => trouble.over(job.data.id));
  worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => lostLock.say(id)));
  return worker;
}

/** Changes how many jobs the worker takes at once; with 0 it takes none until it is told another number. */
export function takeAtMost(worker: QueueWorker, jobs: number): void {
  if (jobs === 0) {
    void worker.pause(true);
    return;
  }
  worker.concurrency = jobs;
  if (worker.isPaused()) void worker.resume();
}

/** Says that this worker is there, for the next 15 s, in place of what it said before. */
export async function announce(connection: Redis, announcement: Announcement, before: Announcement | null) {
  await connection
    .multi()
    .zremrangebyscore(workersKey, '-inf', Date.now())
    .zrem(workersKey, JSON.stringify(before))
    .zadd(workersKey, Date.now() + announcementMs, JSON.stringify(announcement))
    .exec();
}

export async function withdrawAnnouncement(connection: Redis, announcement: Announcement): Promise<void> {
  await connection.zrem(workersKey, JSON.stringify(announcement));
}
