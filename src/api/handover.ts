import type { Cache } from '../shared/cache.ts';
import { takeClaim } from '../shared/claim.ts';
import { bringInLine, endJob } from '../shared/ending.ts';
import { failpoint } from '../shared/failpoint.ts';
import { listOutputs, type Jobs, type Outcome } from '../shared/jobs.ts';
import { oncePerJob, type Log } from '../shared/log.ts';
import type { Line } from '../shared/queue-line.ts';
import type { Announcement, Queues } from '../shared/queue.ts';
import { engineNames, type EngineName, type JobRequest } from '../shared/request.ts';
import type { ForkedWorker } from './forked-worker.ts';

const everyMs = 10_000;
/** So long may the queue be away before the forked worker is started in its place. */
const patienceMs = 3_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  /** Null: no Redis is configured. */
  queues: Queues | null;
  forked: ForkedWorker;
  /** A job that is not running so long after it was accepted is given up. */
  maxWaitSeconds: number;
  log: Log;
}

export type Handover = ReturnType<typeof createHandover>;

/**
 * Gives every unfinished job to whoever runs it: the queue while its Redis is there, else the forked worker. An accepted
 * job is on disk, so handing over may fail, may come late and may be done twice: `reconcile` looks at all unfinished
 * jobs again, at start, when Redis comes back and every ten seconds, and the claim keeps a job from running twice.
 */
export function createHandover({ jobs, cache, queues, forked, maxWaitSeconds, log }: Deps) {
  const owner = `api:${process.pid}`;
  const waitedTooLong = {
    state: 'timed_out' as const,
    error: { code: 'queue_timeout', detail: `No worker took the job within ${maxWaitSeconds} s.` },
  };
  let seen: Announcement[] = [];
  let awaySince: number | null = Date.now();
  let busy: Promise<void> | null = null;
  let again = false;
  const trouble = oncePerJob((jobId, err) =>
    log.error({ jobId, err }, 'The job cannot be handed over; it is tried again.'),
  );
  let timer: NodeJS.Timeout | undefined;

  /** Never throws: what could not be handed over now is handed over by the next reconcile. */
  async function deliver(request: JobRequest) {
    try {
      if (queues?.ready()) {
        await queues.hand(request.engine, request.id);
        await failpoint('submit:handed');
      } else if (forked.announcement()?.engines.includes(request.engine)) forked.run(request.id, request.engine);
    } catch (error) {
      log.debug({ jobId: request.id, err: error }, 'The job could not be handed over yet.');
    }
  }

  /** One look at a time; what happens during one is seen by another after it. */
  function reconcile(): Promise<void> {
    again = true;
    return (busy ??= lookWhileAsked());
  }

  async function lookWhileAsked() {
    while (again) {
      again = false;
      await lookAtAll().catch((error: unknown) =>
        log.error({ err: error }, 'The unfinished jobs could not be looked at.'),
      );
    }
    busy = null;
  }

  async function lookAtAll() {
    await choosePath();
    await jobs.prepare(); // somebody may have tidied up
    for (const id of await jobs.unfinished()) {
      try {
        await lookAt(id);
      } catch (error) {
        trouble.say(id, error);
      }
    }
  }

  async function lookAt(id: string) {
    const request = await jobs.readRequest(id);
    if (!request) return;
    if (await jobs.cancelRequested(id)) await endIfNobodyRuns(request, { state: 'cancelled' });
    else if (await hasWaitedTooLong(request)) await endIfNobodyRuns(request, waitedTooLong);
    else await deliver(request);
    trouble.over(id);
  }

  /** One whose files are public only wants its outcome. */
  async function hasWaitedTooLong({ id, createdAt }: JobRequest) {
    return Date.now() - createdAt > maxWaitSeconds * 1000 && (await listOutputs(jobs.outputs(id))).length === 0;
  }

  /** To be called when the queue's Redis goes away: looks again when patience is over. */
  function queueLost() {
    if (awaySince !== null) return;
    awaySince = Date.now();
    setTimeout(() => void reconcile(), patienceMs).unref();
  }

  /** Starts the forked worker when the queue stays away, and lets it end its jobs when the queue is back. */
  async function choosePath() {
    if (queues?.ready()) {
      awaySince = null;
      await forked.stop();
      return;
    }
    awaySince ??= Date.now();
    if (!queues || Date.now() - awaySince >= patienceMs) await forked.start();
  }

  /**
   * Asks to stop a job: the flag is on disk first, so any worker sees it; a job that nobody runs is ended here. False: too late, its
   * files are public.
   */
  async function cancel(request: JobRequest): Promise<boolean> {
    if (!(await jobs.requestCancel(request.id))) return false;
    log.info({ jobId: request.id }, 'A cancel was asked for.');
    await failpoint('cancel:flagged');
    await bringInLine({ jobs, cache }, request.id); // it may have ended just before the flag
    // On a full disk the flag is all that can be written; the next look goes on from it.
    await endIfNobodyRuns(request, { state: 'cancelled' }).catch((error: unknown) =>
      log.warn({ jobId: request.id, err: error }, 'A cancelled job cannot be ended yet.'),
    );
    return true;
  }

  async function endIfNobodyRuns({ id, engine, warnings }: JobRequest, ending: Pick<Outcome, 'state' | 'error'>) {
    const claim = await takeClaim(jobs.folder(id), owner);
    if (!claim) return; // its owner looks at the flag four times a second
    try {
      await endJob({ jobs, cache }, id, { finishedAt: Date.now(), attempt: claim.attempt, warnings, ...ending });
    } catch (error) {
      await claim.release().catch(() => undefined);
      throw error;
    }
    if (queues?.ready()) void queues.withdraw(engine, id).catch(() => undefined); // nobody waits: a worker would see the outcome
  }

  /** Who is before a job that waits; null while nobody has been given it. */
  async function lineBefore({ id, engine }: JobRequest): Promise<Line | null> {
    if (queues?.ready()) return queues.lineBefore(engine, id).catch(() => null);
    return forked.lineBefore(engine, id, new Set(await jobs.marked()));
  }

  /** How many jobs are where, by engine; null for a queue that does not answer. */
  async function counts(): Promise<Record<EngineName, Record<string, number> | null>> {
    const away = Object.fromEntries(engineNames.map((engine) => [engine, null])) as Record<EngineName, null>;
    if (queues?.ready()) return queues.counts().catch(() => away);
    if (!forked.announcement()) return away;
    const count = (line: [string, EngineName][], engine: EngineName) => line.filter(([, its]) => its === engine).length;
    const { waiting, running } = forked.line();
    const entries = engineNames.map((name) => [name, { waiting: count(waiting, name), active: count(running, name) }]);
    return Object.fromEntries(entries) as Record<EngineName, Record<string, number>>;
  }

  /** Ids of the jobs that some worker has taken. */
  async function taken(): Promise<string[]> {
    if (queues?.ready()) return queues.taken().catch(() => []);
    return forked.line().running.map(([id]) => id);
  }

  /** The workers that take jobs now. */
  async function reachable(): Promise<Announcement[]> {
    const own = forked.announcement();
    if (own) return [own];
    return queues?.ready() ? await queues.workers().catch(() => []) : [];
  }

  /** The workers that are there, or were when the queue last answered: an outage does not change what can be asked for. */
  async function workers(): Promise<Announcement[]> {
    if (queues?.ready()) seen = await queues.workers().catch(() => seen);
    const own = forked.announcement();
    return own ? [...seen, own] : seen;
  }

  return {
    deliver,
    reconcile,
    queueLost,
    cancel,
    lineBefore,
    counts,
    taken,
    workers,
    reachable,
    mode: () => (queues?.ready() ? ('redis' as const) : ('memory' as const)),
    /** `away`: the queue did not answer at start, so there is no reason for patience. */
    async start(away: boolean) {
      awaySince = away ? 0 : null;
      await reconcile();
      timer = setInterval(() => void reconcile(), everyMs);
    },
    async close() {
      clearInterval(timer);
      await busy;
    },
  };
}
