import { setMaxListeners } from 'node:events';
import type { RedisAddress } from '../shared/config.ts';
import type { Log } from '../shared/log.ts';
import {
  announce,
  announceEveryMs,
  createQueueWorker,
  takeAtMost,
  withdrawAnnouncement,
  type Announcement,
  type Delivery,
} from '../shared/queue.ts';
import { connectLink, patientOptions } from '../shared/redis.ts';
import type { EngineName } from '../shared/request.ts';
import type { Pause } from './pause.ts';

interface Options {
  address: RedisAddress;
  engines: EngineName[];
  announcement: () => Promise<Announcement>;
  /** Jobs of an engine that this worker can run at once now. */
  capacity: (engine: EngineName) => number;
  onChange: (listener: () => void) => void;
  pause: Pause;
  log: Log;
  run: (id: string, shutdown: AbortSignal) => Promise<Delivery>;
}

/** Takes jobs from the queues of this worker's engines. Waits for Redis as long as it is away. */
export function consumeQueues({ address, engines, announcement, capacity, onChange, pause, log, run }: Options) {
  const stopping = new AbortController();
  let closing = false;
  setMaxListeners(0, stopping.signal); // some a job
  const presence = connectLink(address, log, 'queue');
  let said: Announcement | null = null;
  let speaking = Promise.resolve();
  async function speakNow() {
    if (closing) return;
    const before = said;
    said = await announcement();
    await announce(presence.redis, said, before);
  }
  const speak = () => void (speaking = speaking.then(speakNow).catch(() => undefined)); // said again in 5 s
  presence.onUp(speak);
  const timer = setInterval(speak, announceEveryMs);
  const running = new Set<Promise<unknown>>();
  const tracked = <T>(delivery: Promise<T>): Promise<T> => {
    const settled: Promise<unknown> = delivery.catch(() => undefined).finally(() => running.delete(settled));
    running.add(settled);
    return delivery;
  };
  const byEngine = new Map(
    engines.map((engine) => [
      engine,
      createQueueWorker({
        engine,
        connection: patientOptions(address),
        concurrency: Math.max(1, capacity(engine)),
        log,
        // A worker that has stopped asking may still get what it had asked for: in a pause that keeps its place, else it is another's, or its
        // own when it is able again.
        process: async (id) => {
          if (pause.isOn()) return 'released';
          return capacity(engine) > 0 ? tracked(run(id, stopping.signal)) : 'held';
        },
      }),
    ]),
  );
  const workers = [...byEngine.values()];
  function adapt() {
    if (closing) return;
    for (const [engine, worker] of byEngine) takeAtMost(worker, pause.isOn() ? 0 : capacity(engine));
    speak();
  }
  onChange(adapt);
  pause.onChange(adapt);
  adapt(); // an engine may have changed before anybody listened

  return {
    /** Gives the running jobs back and takes no more. */
    async close() {
      closing = true;
      clearInterval(timer);
      await speaking; // else it may be said again
      if (said) await withdrawAnnouncement(presence.redis, said).catch(() => undefined);
      await Promise.all(workers.map((worker) => worker.pause(true))); // else what is given back is taken again
      stopping.abort();
      await Promise.all(running);
      // An orderly close waits for Redis; without one there is nobody to tell.
      const force = !presence.up();
      await Promise.all(workers.map((worker) => worker.close(force)));
      presence.close();
    },
  };
}
