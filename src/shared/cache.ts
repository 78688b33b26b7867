import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { Outcome } from './jobs.ts';
import type { RedisLink } from './redis.ts';
import type { JobRequest } from './request.ts';

/**
 * The four cache families, as the seed document names them: plain keys, JSON strings, db 1. Losing any of them at any
 * moment loses nothing: the next read rebuilds it from disk.
 */
export const ttlSeconds = {
  job_progress: 7200,
  job_metadata: 7200,
  output_files: 3600,
  model_config: 86400,
} as const;

/** Those that a job has a key in. */
export const cachesOfJob = ['job_progress', 'job_metadata', 'output_files'] as const;

export type CacheFamily = keyof typeof ttlSeconds;

/** `job_progress:<id>`; times in epoch seconds, as the seed has them. */
export interface CachedProgress {
  progress: number;
  stage: string;
  last_update: number;
  estimated: boolean;
  completed_at?: number;
}

/** `job_metadata:<id>`; the path is relative to the data folder. */
export interface CachedMetadata {
  audio_path: string;
  audio_filename: string;
  params: Record<string, unknown>;
  start_time: number;
  completed_at?: number;
}

export interface CacheShapes {
  job_progress: CachedProgress;
  job_metadata: CachedMetadata;
  output_files: string[];
  model_config: Record<string, unknown>;
}

/** What `job_progress:<id>` says of a job that has ended; `reached` is the percentage that was shown before. */
export function finalProgress(outcome: Outcome, reached: number): CachedProgress {
  const at = outcome.finishedAt / 1000;
  const succeeded = outcome.state === 'succeeded';
  return {
    progress: succeeded ? 100 : Math.min(99, reached),
    stage: succeeded ? 'completed' : 'failed',
    last_update: at,
    estimated: false,
    completed_at: at,
  };
}

/** What `job_metadata:<id>` says of a job that was started at `startedAt` (epoch ms). */
export function metadataOf(request: JobRequest, startedAt: number, outcome: Outcome | null): CachedMetadata {
  return {
    audio_path: request.audio.path,
    audio_filename: request.audio.filename,
    params: { model: request.model, ...request.params },
    start_time: startedAt / 1000,
    ...(outcome ? { completed_at: outcome.finishedAt / 1000 } : {}),
  };
}

/**
 * A new random word with every dropped key, so that what was read before a change is never cached after it. A word, not a count, and
 * written by whoever reads none: it may run out or be evicted, and must never be the same again.
 */
const generationKey = 'output_generation';
const generationSeconds = 86_400;

export interface Cache {
  get<F extends CacheFamily>(family: F, name: string): Promise<CacheShapes[F] | null>;
  set<F extends CacheFamily>(family: F, name: string, value: CacheShapes[F]): Promise<void>;
  /** False when that could not be made sure: what is in the cache under this key must not be believed. */
  drop(family: CacheFamily, name: string): Promise<boolean>;
  /** The generation to give to `setUnlessDropped`. */
  generation(): Promise<string>;
  /** Like `set`, but does nothing when any key was dropped since `generation` was read. True when it was set. */
  setUnlessDropped<F extends CacheFamily>(
    family: F,
    name: string,
    value: CacheShapes[F],
    generation: string,
  ): Promise<boolean>;
  /** Changes whenever the cache moves from Redis to memory or back: what was known of its contents is then void. */
  epoch(): number;
  mode(): 'redis' | 'memory';
  /** Answers of this process since it started, by `get`. */
  counts(): { hits: number; misses: number };
}

const readGeneration = `
local found = redis.call('GET', KEYS[1])
if found then return found end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]`;

const setIfGeneration = `
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`;

type Store = Omit<Cache, 'epoch' | 'mode' | 'counts'>;

/** In this process's memory: the same TTLs, the least recently used go first. */
function createMemoryStore(): Store {
  const store = new LRUCache<string, string>({ max: 50_000, maxSize: 64 * 1024 * 1024, sizeCalculation: sizeOf });
  let drops = 0;
  const write = (family: CacheFamily, name: string, value: unknown) => {
    store.set(`${family}:${name}`, JSON.stringify(value), { ttl: ttlSeconds[family] * 1000 });
  };
  return {
    async get(family, name) {
      const text = store.get(`${family}:${name}`);
      return text === undefined ? null : parse(text);
    },
    async set(family, name, value) {
      write(family, name, value);
    },
    async drop(family, name) {
      drops += 1;
      store.delete(`${family}:${name}`);
      return true;
    },
    async generation() {
      return String(drops);
    },
    async setUnlessDropped(family, name, value, generation) {
      if (String(drops) !== generation) return false;
      write(family, name, value);
      return true;
    },
  };
}

const sizeOf = (text: string, key: string) => 2 * (text.length + key.length);

function createRedisStore(redis: Redis): Store {
  return {
    async get(family, name) {
      const text = await redis.get(`${family}:${name}`);
      return text === null ? null : parse(text);
    },
    async set(family, name, value) {
      await redis.set(`${family}:${name}`, escapeNonAscii(value), 'EX', ttlSeconds[family]);
    },
    async drop(family, name) {
      await redis.multi().del(`${family}:${name}`).set(generationKey, randomUUID(), 'EX', generationSeconds).exec();
      return true;
    },
    async generation() {
      return String(await redis.eval(readGeneration, 1, generationKey, randomUUID(), generationSeconds));
    },
    async setUnlessDropped(family, name, value, generation) {
      const keys = [`${family}:${name}`, generationKey];
      const args = [escapeNonAscii(value), ttlSeconds[family], generation];
      return (await redis.eval(setIfGeneration, 2, ...keys, ...args)) === 1;
    },
  };
}

/**
 * The cache in Redis while Redis is up, else in memory. No call throws: a failed one is a miss. What memory holds is
 * given up when Redis comes back, for others may have changed what it describes.
 */
export function createCache(link: RedisLink | null): Cache {
  let memory = createMemoryStore();
  const inRedis = link && createRedisStore(link.redis);
  let epoch = 0;
  let hits = 0;
  let misses = 0;
  link?.onUp(() => {
    epoch += 1;
    memory = createMemoryStore();
  });
  link?.onDown(() => (epoch += 1));

  const mode = () => (link?.up() ? 'redis' : 'memory');

  async function attempt<T>(call: (store: Store) => Promise<T>, failed: T): Promise<T> {
    const store = inRedis && mode() === 'redis' ? inRedis : memory;
    try {
      return await call(store);
    } catch {
      return failed;
    }
  }

  return {
    async get(family, name) {
      const found = await attempt((store) => store.get(family, name), null);
      if (found === null) misses += 1;
      else hits += 1;
      return found;
    },
    set: (family, name, value) => attempt((store) => store.set(family, name, value), undefined),
    drop: (family, name) => attempt((store) => store.drop(family, name), false),
    generation: () => attempt((store) => store.generation(), 'unknown'),
    setUnlessDropped: (family, name, value, generation) =>
      attempt((store) => store.setUnlessDropped(family, name, value, generation), false),
    epoch: () => epoch,
    mode,
    counts: () => ({ hits, misses }),
  };
}

/** Who writes and who reads a key are both in this file's shapes. */
const parse = <T>(text: string) => JSON.parse(text) as T;

/** JSON with non-ASCII as \uXXXX, as the seed's json.dumps wrote it. */
function escapeNonAscii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
