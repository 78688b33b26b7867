import type { Cache } from '../shared/cache.ts';
import type { ToApi, ToWorker } from '../shared/ipc.ts';
import type { Log } from '../shared/log.ts';
import { forkModule, type ForkedModule } from '../shared/process.ts';
import type { Line } from '../shared/queue-line.ts';
import type { Announcement } from '../shared/queue.ts';
import type { EngineName } from '../shared/request.ts';

const readyMs = 10_000;
const restartMs = 1_000;

interface Deps {
  /** The worker's main module, as built. */
  module: string;
  cache: Cache;
  log: Log;
}

type ForkedLine = Pick<Extract<ToApi, { type: 'line' }>, 'waiting' | 'running'>;

export type ForkedWorker = ReturnType<typeof createForkedWorker>;

/**
 * The one worker process that this API forks while it has no queue. It is started again when it dies; its jobs are given to the
 * new one by the next reconcile.
 */
export function createForkedWorker({ module, cache, log }: Deps) {
  let child: ForkedModule | null = null;
  let announcement: Announcement | null = null;
  let line: ForkedLine = { waiting: [], running: [] };
  let wanted = false;
  let ready: (() => void) | undefined;

  function spawn() {
    const started = forkModule(module, ['--forked']);
    child = started;
    started.onMessage((message) => receive(message as ToApi));
    started.onExit((exit) => {
      if (child === started) child = null;
      announcement = null;
      line = { waiting: [], running: [] };
      if (!wanted) return;
      log.warn({ ...exit }, 'The forked worker died; another is started.');
      setTimeout(() => wanted && !child && spawn(), restartMs).unref();
    });
  }

  function receive(message: ToApi) {
    if (message.type === 'ready') {
      announcement = message.announcement;
      ready?.();
    } else if (message.type === 'line') {
      line = message;
    } else if (message.type === 'cache') {
      void cache.set(message.family, message.name, message.value as never);
    } else {
      void cache.drop(message.family, message.name);
    }
  }

  const tell = (message: ToWorker) => child?.send(message);

  return {
    /** Null also while it only ends what it runs. */
    announcement: () => (wanted ? announcement : null),
    /** Who is before a job; null for one that it has not been given. It also has jobs that have ended meanwhile: only `open` ones count. */
    lineBefore(engine: EngineName, id: string, open: ReadonlySet<string>): Line | null {
      const ofEngine = (jobs: [string, EngineName][]) =>
        jobs.filter(([one, its]) => its === engine && open.has(one)).map(([one]) => one);
      const [waiting, running] = [ofEngine(line.waiting), ofEngine(line.running)];
      if (running.includes(id)) return { ahead: 0, first: [], running };
      const ahead = waiting.indexOf(id);
      return ahead < 0 ? null : { ahead, first: waiting.slice(0, ahead), running };
    },
    /** The jobs that it has. */
    line: () => line,
    run: (id: string, engine: EngineName) => tell({ type: 'run', id, engine }),
    /** Resolves when the worker can take jobs. */
    async start() {
      wanted = true;
      if (child) return;
      log.info('No queue: a forked worker does the work.');
      const isReady = new Promise<void>((resolve) => (ready = resolve));
      spawn();
      await Promise.race([isReady, new Promise((resolve) => setTimeout(resolve, readyMs).unref())]);
    },
    /** Lets it end what it runs; what waits there goes to the queue. */
    async stop() {
      if (wanted) tell({ type: 'stop' });
      wanted = false;
    },
    /** Ends it with this process: it gives its jobs back. */
    async close() {
      wanted = false;
      const ending = child;
      if (!ending) return;
      await new Promise<void>((resolve) => {
        ending.onExit(() => resolve());
        ending.kill('SIGTERM');
      });
    },
  };
}
