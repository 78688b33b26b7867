import type { CacheFamily } from './cache.ts';
import type { Announcement } from './queue.ts';

/** The channel between an API process and the worker that it forks while Redis is away. */
export type ToWorker = { type: 'run'; id: string } | { type: 'stop' };

export type ToApi =
  | { type: 'ready'; announcement: Announcement }
  | { type: 'cache'; family: CacheFamily; name: string; value: unknown }
  | { type: 'uncache'; family: CacheFamily; name: string };
