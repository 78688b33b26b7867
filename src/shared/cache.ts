import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { isReady } from './redis.ts';

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
}

export interface CacheShapes {
  job_progress: CachedProgress;
  job_metadata: CachedMetadata;
  output_files: string[];
  model_config: Record<string, unknown>;
}

/** Counts up with every dropped list, so that a list read before a change is never cached after it. */
const generationKey = 'output_generation';

export interface Cache {
  get<F extends CacheFamily>(family: F, name: string): Promise<CacheShapes[F] | null>;
  set<F extends CacheFamily>(family: F, name: string, value: CacheShapes[F]): Promise<void>;
  drop(family: CacheFamily, name: string): Promise<void>;
  /** The generation to give to `setUnlessDropped`. */
  generation(): Promise<string>;
  /** Like `set`, but does nothing when any key was dropped since `generation` was read. True when it was set. */
  setUnlessDropped<F extends CacheFamily>(
    family: F,
    name: string,
    value: CacheShapes[F],
    generation: string,
  ): Promise<boolean>;
}

const setIfGeneration = `
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`;

/** A cache in this process's memory: the same TTLs, the least recently used go first. */
export function createMemoryCache(): Cache {
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

/**
 * The cache in Redis while Redis is there, else in memory. No call throws: a failed one is a miss. What memory holds is
 * given up when Redis comes back, for others may have changed what it describes.
 */
export function createCache(redis: Redis | null): Cache {
  let memory = createMemoryCache();
  redis?.on('ready', () => (memory = createMemoryCache()));

  async function via<T>(viaRedis: (redis: Redis) => Promise<T>, viaMemory: () => Promise<T>, missed: T): Promise<T> {
    if (!redis || !isReady(redis)) return viaMemory();
    try {
      return await viaRedis(redis);
    } catch {
      return missed;
    }
  }

  return {
    get: (family, name) =>
      via(
        async (r) => {
          const text = await r.get(`${family}:${name}`);
          return text === null ? null : parse(text);
        },
        () => memory.get(family, name),
        null,
      ),
    set: (family, name, value) =>
      via(
        async (r) => void (await r.set(`${family}:${name}`, escapeNonAscii(value), 'EX', ttlSeconds[family])),
        () => memory.set(family, name, value),
        undefined,
      ),
    drop: (family, name) =>
      via(
        async (r) => void (await r.multi().del(`${family}:${name}`).incr(generationKey).exec()),
        () => memory.drop(family, name),
        undefined,
      ),
    generation: () =>
      via(
        async (r) => (await r.get(generationKey)) ?? '0',
        () => memory.generation(),
        'unknown',
      ),
    setUnlessDropped: (family, name, value, generation) =>
      via(
        async (r) => {
          const text = escapeNonAscii(value);
          const keys = [`${family}:${name}`, generationKey];
          return (await r.eval(setIfGeneration, 2, ...keys, text, ttlSeconds[family], generation)) === 1;
        },
        () => memory.setUnlessDropped(family, name, value, generation),
        false,
      ),
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
