import { setMaxListeners } from 'node:events';
import type { RedisAddress } from '../shared/config.ts';
import type { Log } from '../shared/log.ts';
import {
  announce,
  announceEveryMs,
  createQueueWorker,
  withdrawAnnouncement,
  type Announcement,
  type Delivery,
} from '../shared/queue.ts';
import { connectLink, patientOptions } from '../shared/redis.ts';

interface Options {
  address: RedisAddress;
  announcement: Announcement;
  concurrency: number;
  log: Log;
  run: (id: string, shutdown: AbortSignal) => Promise<Delivery>;
}

/** Takes jobs from the queues of this worker's engines. Waits for Redis as long as it is away. */
export function consumeQueues({ address, announcement, concurrency, log, run }: Options) {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // some a job
  const presence = connectLink(address, log, 'queue');
  const speak = () => void announce(presence.redis, announcement).catch(() => undefined); // said again in 5 s
  presence.onUp(speak);
  const timer = setInterval(speak, announceEveryMs);
  const running = new Set<Promise<unknown>>();
  const tracked = <T>(delivery: Promise<T>): Promise<T> => {
    const settled: Promise<unknown> = delivery.catch(() => undefined).finally(() => running.delete(settled));
    running.add(settled);
    return delivery;
  };
  const workers = announcement.engines.map((engine) =>
    createQueueWorker({
      engine,
      connection: patientOptions(address),
      concurrency,
      log,
      process: (id) => tracked(run(id, stopping.signal)),
    }),
  );

  return {
    /** Gives the running jobs back and takes no more. */
    async close() {
      clearInterval(timer);
      await withdrawAnnouncement(presence.redis, announcement).catch(() => undefined);
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
