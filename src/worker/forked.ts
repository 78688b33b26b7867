import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cache } from '../shared/cache.ts';
import type { ToApi } from '../shared/ipc.ts';
import { troubleToRun, type Log } from '../shared/log.ts';
import type { Delivery } from '../shared/queue.ts';

const lookAgainMs = 3_000;

/** The parent's cache: writes go there, reads are misses. */
export function createParentCache(tell: (message: ToApi) => void): Cache {
  return {
    get: async () => null,
    set: async (family, name, value) => tell({ type: 'cache', family, name, value }),
    drop: async (family, name) => {
      tell({ type: 'uncache', family, name });
      return true;
    },
    generation: async () => '',
    setUnlessDropped: async () => false,
    epoch: () => 0,
    mode: () => 'memory',
    counts: () => ({ hits: 0, misses: 0 }),
  };
}

interface Options {
  concurrency: number;
  log: Log;
  run: (id: string, shutdown: AbortSignal) => Promise<Delivery>;
}

/** Runs what the parent asks for, first come first served, each job once at a time. */
export function createForkedRunner({ concurrency, log, run }: Options) {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // some a job
  let draining = false;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const trouble = troubleToRun(log);

  function next() {
    for (const id of waiting) {
      if (running.size >= concurrency || stopping.signal.aborted) return;
      waiting.delete(id);
      running.set(id, deliver(id));
    }
  }

  async function deliver(id: string) {
    try {
      const delivery = await run(id, stopping.signal);
      trouble.over(id);
      if (delivery === 'held') void sleep(lookAgainMs).then(() => add(id));
    } catch (error) {
      trouble.say(id, error);
      void sleep(lookAgainMs).then(() => add(id));
    } finally {
      running.delete(id);
      next();
    }
  }

  function add(id: string) {
    if (running.has(id) || draining || stopping.signal.aborted) return;
    waiting.add(id);
    next();
  }

  return {
    /** Also ends a drain: the parent has no other worker. */
    add(id: string) {
      draining = false;
      add(id);
    },
    /** Takes nothing new and resolves when what runs has ended. False: there is something new after all. */
    async drain(): Promise<boolean> {
      draining = true;
      waiting.clear();
      while (draining && running.size > 0) await Promise.all(running.values());
      return draining;
    },
    /** Gives the running jobs back. */
    async close() {
      stopping.abort();
      await Promise.all(running.values());
    },
  };
}
