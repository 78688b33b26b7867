import type { CacheFamily } from './cache.ts';
import type { Announcement } from './queue.ts';
import type { EngineName } from './request.ts';

/** The channel between an API process and the worker that it forks while Redis is away. */
export type ToWorker = { type: 'run'; id: string; engine: EngineName } | { type: 'stop' };

export type ToApi =
  /** Said again whenever it changes. */
  | { type: 'ready'; announcement: Announcement }
  | { type: 'cache'; family: CacheFamily; name: string; value: unknown }
  | { type: 'uncache'; family: CacheFamily; name: string };
