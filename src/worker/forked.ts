import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cache } from '../shared/cache.ts';
import type { ToApi } from '../shared/ipc.ts';
import { troubleToRun, type Log } from '../shared/log.ts';
import type { Delivery } from '../shared/queue.ts';
import type { EngineName } from '../shared/request.ts';

const lookAgainMs = 3_000;
const sayAfterMs = 50;

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
  /** Jobs of an engine that can run at once now. */
  capacity: (engine: EngineName) => number;
  log: Log;
  run: (id: string, shutdown: AbortSignal) => Promise<Delivery>;
  tell: (message: ToApi) => void;
}

/** Runs what the parent asks for, first come first served, each job once at a time. */
export function createForkedRunner({ capacity, log, run, tell }: Options) {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // some a job
  let draining = false;
  const waiting = new Map<string, EngineName>();
  const running = new Map<string, { engine: EngineName; delivery: Promise<void> }>();
  const trouble = troubleToRun(log);
  let saying: NodeJS.Timeout | undefined;

  /** Many changes at once are told once. */
  function sayLine() {
    saying ??= setTimeout(() => {
      saying = undefined;
      tell({ type: 'line', waiting: [...waiting], running: [...running].map(([id, { engine }]) => [id, engine]) });
    }, sayAfterMs);
  }

  function next() {
    for (const [id, engine] of waiting) {
      const busy = [...running.values()].filter((job) => job.engine === engine).length;
      if (stopping.signal.aborted || busy >= capacity(engine)) continue;
      waiting.delete(id);
      running.set(id, { engine, delivery: deliver(id, engine) });
    }
    sayLine();
  }

  async function deliver(id: string, engine: EngineName) {
    try {
      const delivery = await run(id, stopping.signal);
      trouble.over(id);
      if (delivery === 'held') void sleep(lookAgainMs).then(() => add(id, engine));
    } catch (error) {
      trouble.say(id, error);
      void sleep(lookAgainMs).then(() => add(id, engine));
    } finally {
      running.delete(id);
      next();
    }
  }

  function add(id: string, engine: EngineName) {
    if (running.has(id) || draining || stopping.signal.aborted) return;
    waiting.set(id, engine);
    next();
  }

  const allDelivered = () => Promise.all([...running.values()].map(({ delivery }) => delivery));

  return {
    /** Also ends a drain: the parent has no other worker. */
    add(id: string, engine: EngineName) {
      draining = false;
      add(id, engine);
    },
    /** To be called when an engine can run more. */
    next,
    /** Takes nothing new and resolves when what runs has ended. False: there is something new after all. */
    async drain(): Promise<boolean> {
      draining = true;
      waiting.clear();
      sayLine();
      while (draining && running.size > 0) await allDelivered();
      return draining;
    },
    /** Gives the running jobs back. */
    async close() {
      stopping.abort();
      await allDelivered();
    },
  };
}
