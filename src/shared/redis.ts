import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from './config.ts';
import type { Log } from './log.ts';

/**
 * All Redis connections are made here, of two kinds. Fail-fast: for anything a request waits for; a command is refused
 * at once without a connection and after 200 ms with one. Patient: for workers, whose commands wait for Redis to return.
 */
const retryStrategy = (times: number) =>
  Math.min(100 * 2 ** Math.min(times, 5), 1500) + Math.floor(Math.random() * 100);

export function connectFailFast(address: RedisAddress, log: Log, role: string): Redis {
  const redis = new Redis({
    ...address,
    connectTimeout: 5000,
    retryStrategy,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 200,
  });
  logTransitions(redis, log, role);
  return redis;
}

/** Options of a patient connection. `maxRetriesPerRequest: null` must be said: BullMQ forces it on one of its two only. */
export function patientOptions(address: RedisAddress): RedisOptions {
  return { ...address, connectTimeout: 5000, retryStrategy, maxRetriesPerRequest: null };
}

export const isReady = (redis: Redis): boolean => redis.status === 'ready';

/** Resolves when connected or when `ms` have passed, whichever is first. */
export async function readyWithin(redis: Redis, ms: number): Promise<boolean> {
  if (isReady(redis)) return true;
  return new Promise((resolve) => {
    const done = (ready: boolean) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      resolve(ready);
    };
    const onReady = () => done(true);
    const timer = setTimeout(() => done(false), ms);
    redis.once('ready', onReady);
  });
}

/** One line each way instead of one per failed command. */
function logTransitions(redis: Redis, log: Log, role: string) {
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) log.warn({ role, err: error.message }, 'Redis is away; going on without it.');
    lost = true;
  });
  redis.on('ready', () => {
    log.info({ role }, lost ? 'Redis is back.' : 'Redis is connected.');
    lost = false;
  });
}
