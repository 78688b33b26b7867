import type { CacheFamily } from './cache.ts';
import type { Announcement } from './queue.ts';
import type { EngineName } from './request.ts';

/** The channel between an API process and the worker that it forks while Redis is away. */
export type ToWorker = { type: 'run'; id: string; engine: EngineName } | { type: 'stop' };

export type ToApi =
  /** Said again whenever it changes. */
  | { type: 'ready'; announcement: Announcement }
  /** The jobs that it has, those that wait in the order in which they start; said again whenever that changes. */
  | { type: 'line'; waiting: [id: string, engine: EngineName][]; running: [id: string, engine: EngineName][] }
  | { type: 'cache'; family: CacheFamily; name: string; value: unknown }
  | { type: 'uncache'; family: CacheFamily; name: string };
