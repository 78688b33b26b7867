import type { ChainableCommander, Redis } from 'ioredis';
import { ttlSeconds, type CacheFamily } from './cache.ts';

/**
 * What is in the cache's Redis, and how to empty it. Every number is the server's own: INFO, DBSIZE, SCAN and MEMORY USAGE. A look must
 * neither disturb the server nor change what it looks at, so it is bounded in time and keys, and asks what counts as a read
 * (TTL) only where it must.
 */
const families = Object.keys(ttlSeconds) as CacheFamily[];
const jobFamilies: CacheFamily[] = ['job_progress', 'job_metadata', 'output_files'];
/** BullMQ's prefix, in shared/queue.ts. */
const queuePrefix = 'mapperatorinator:';

const pageSize = 2_000;
/** A look ends after 250,000 keys. */
const maxPages = 125;
const samplesPerFamily = 50;
/** Of the time budget; the rest is for the samples. */
const scanShare = 0.7;

export type PerFamily<T> = Record<CacheFamily, T>;

export interface FamilyStats {
  keys: number;
  /** Of all keys, extrapolated from the sampled ones; null when there are keys and none could be measured. */
  bytes: number | null;
  bytes_per_key: number | null;
  sampled: number;
  /** Among the sampled: keys that never run out, which the service itself does not write. */
  without_ttl: number;
}

export interface CacheStats {
  families: PerFamily<FamilyStats>;
  /** False when the bound of keys or the time budget ended the look: there may be more. */
  complete: boolean;
  /** What one job takes: the mean sizes of the three job families together. Null when there is no job, or no size. */
  bytes_per_job: number | null;
  /** Null when the server has no memory limit. */
  jobs_that_fit: number | null;
  /** The server evicts and has keys of a queue: queued jobs may vanish. */
  queue_may_be_evicted: boolean;
  keyspace: { hits: number; misses: number; hit_ratio: number | null };
  /** `max` is 0 when there is no limit. */
  memory: { used: number; used_human: string; max: number; policy: string; evicted_keys: number };
  version: string;
  connected_clients: number;
  total_commands_processed: number;
  uptime_seconds: number;
  db_size: number;
}

/**
 * Resolves within the budget, with what it found until then. Rejects when the server refuses, or when not even INFO was answered in
 * that time.
 */
export async function readCacheStats(redis: Redis, { budgetMs }: { budgetMs: number }): Promise<CacheStats> {
  const startedAt = performance.now();
  const deadline = startedAt + budgetMs;
  const basics = await before(deadline, Promise.all([redis.info(), redis.dbsize()]));
  if (basics === late) throw new Error(`no answer within ${budgetMs} ms`);
  const info = readInfo(basics[0]);
  const database = redis.options.db ?? 0;

  // By name, for SCAN may return a key twice while the server resizes its table.
  const found = perFamily(() => new Set<string>());
  const foreign = new Set<string>();
  const sawAll = await scan(
    redis,
    (keys) => {
      for (const key of keys) {
        const family = familyOf(key);
        (family ? found[family] : foreign).add(key);
      }
    },
    { pages: maxPages, deadline: startedAt + scanShare * budgetMs },
  );

  const samples = perFamily((family) => first(found[family], samplesPerFamily));
  const policy = info.text('maxmemory_policy');
  const evicts = policy !== 'noeviction' && policy !== '';
  const queueIsHere = [...foreign].some((key) => key.startsWith(queuePrefix));
  const [sizes, eternal, queue] = await Promise.all([
    before(deadline, sizesOf(redis, samples)),
    before(deadline, eternalOf(redis, samples, sawAll ? foreign : null, info.eternal(database))),
    evicts && (queueIsHere || before(deadline, queueElsewhere(redis, info.databases(database)))),
  ]);
  const stats = perFamily((family) => {
    const measured = sizes === late ? [] : sizes[family];
    const keys = found[family].size;
    const mean = measured.length > 0 ? measured.reduce((sum, bytes) => sum + bytes, 0) / measured.length : null;
    return {
      keys,
      bytes: keys === 0 ? 0 : mean && Math.round(mean * keys),
      bytes_per_key: mean && Math.round(mean),
      sampled: measured.length,
      without_ttl: eternal === late ? 0 : eternal[family],
    };
  });

  const perJob = bytesPerJob(stats);
  const max = info.number('maxmemory');
  const hits = info.number('keyspace_hits');
  const misses = info.number('keyspace_misses');
  return {
    families: stats,
    complete: sawAll && sizes !== late && eternal !== late && queue !== late,
    bytes_per_job: perJob,
    jobs_that_fit: perJob && max > 0 ? Math.floor(max / perJob) : null,
    queue_may_be_evicted: queue === true,
    keyspace: { hits, misses, hit_ratio: hits + misses > 0 ? hits / (hits + misses) : null },
    memory: {
      used: info.number('used_memory'),
      used_human: info.text('used_memory_human'),
      max,
      policy,
      evicted_keys: info.number('evicted_keys'),
    },
    version: info.text('redis_version'),
    connected_clients: info.number('connected_clients'),
    total_commands_processed: info.number('total_commands_processed'),
    uptime_seconds: info.number('uptime_in_seconds'),
    db_size: basics[1],
  };
}

/** How many keys `clearCache` would delete now. */
export async function countCache(redis: Redis, pattern?: string): Promise<PerFamily<number>> {
  const found = perFamily(() => new Set<string>());
  await scan(redis, (keys) => byFamily(keys, pattern).forEach(([f, names]) => names.forEach((n) => found[f].add(n))), {
    pattern,
  });
  return perFamily((family) => found[family].size);
}

/**
 * Deletes the keys of the three job families, or those of all four that match the pattern; returns how many, by family. Whatever the
 * pattern, a key that does not begin with the name of a family stays: queues and strangers may live in the same database.
 */
export async function clearCache(redis: Redis, pattern?: string): Promise<PerFamily<number>> {
  const deleted = perFamily(() => 0);
  await scan(
    redis,
    async (keys) => {
      for (const [family, names] of byFamily(keys, pattern)) deleted[family] += await redis.unlink(names);
    },
    { pattern },
  );
  return deleted;
}

/** The keys that are meant by a pattern, or by none, in their families; the rest is nobody's to touch. */
function byFamily(keys: string[], pattern: string | undefined): [CacheFamily, string[]][] {
  const meant = pattern === undefined ? jobFamilies : families;
  return meant
    .map((family): [CacheFamily, string[]] => [family, keys.filter((key) => familyOf(key) === family)])
    .filter(([, names]) => names.length > 0);
}

const familyOf = (key: string) => families.find((family) => key.startsWith(`${family}:`));

const perFamily = <T>(of: (family: CacheFamily) => T) =>
  Object.fromEntries(families.map((family) => [family, of(family)])) as PerFamily<T>;

interface Bounds {
  pattern?: string | undefined;
  pages?: number;
  /** On the clock of `performance.now()`. */
  deadline?: number;
}

/** Visits the database page by page. True when it came to the end, false when a bound was first. */
async function scan(
  redis: Redis,
  visit: (keys: string[]) => void | Promise<void>,
  { pattern = '*', pages = Infinity, deadline = Infinity }: Bounds,
): Promise<boolean> {
  let cursor = '0';
  for (let page = 0; page < pages; page += 1) {
    const answer = await before(deadline, redis.scan(cursor, 'MATCH', pattern, 'COUNT', pageSize));
    if (answer === late) return false;
    await visit(answer[1]);
    cursor = answer[0];
    if (cursor === '0') return true;
  }
  return false;
}

/** SCAN goes by the keys' hashes, so the first ones are as good as any drawn by lot. */
function first(keys: Set<string>, count: number): string[] {
  return [...keys].slice(0, count);
}

/** One round trip for all. What has gone meanwhile, or may not be asked, is left out. */
async function sizesOf(redis: Redis, samples: PerFamily<string[]>): Promise<PerFamily<number[]>> {
  const pipeline = redis.pipeline();
  for (const family of families) for (const key of samples[family]) pipeline.memory('USAGE', key);
  const answers = await answersOf(pipeline);
  return perFamily((family) =>
    answers.splice(0, samples[family].length).filter((bytes): bytes is number => typeof bytes === 'number'),
  );
}

/**
 * How many of the sampled keys have no TTL. TTL counts as a hit in the server's statistics: asked of every sample at every look, the
 * monitor would be most of the hit ratio that it shows. The server's own count of keys without TTL mostly says enough: none, or as many as
 * the few foreign keys (null: not all known) account for.
 */
async function eternalOf(
  redis: Redis,
  samples: PerFamily<string[]>,
  foreign: Set<string> | null,
  inDatabase: number,
): Promise<PerFamily<number>> {
  const none = perFamily(() => 0);
  if (inDatabase === 0) return none;
  if (foreign && foreign.size <= samplesPerFamily) {
    const foreignEternal = (await ttls(redis, [...foreign])).filter((ttl) => ttl === -1).length;
    if (foreignEternal >= inDatabase) return none;
  }
  const answers = await ttls(redis, Object.values(samples).flat());
  return perFamily((family) => answers.splice(0, samples[family].length).filter((ttl) => ttl === -1).length);
}

function ttls(redis: Redis, keys: string[]): Promise<unknown[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.ttl(key);
  return answersOf(pipeline);
}

/** What the server refuses is undefined; what it did not get to answer throws. */
async function answersOf(pipeline: ChainableCommander): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, answer]) => {
    if (error && error.name !== 'ReplyError') throw error;
    return answer;
  });
}

/** A script's SELECT ends with the script, so a shared connection keeps its database. One page of each is looked at. */
const queueScript = `
for i = 2, #ARGV do
  redis.call('SELECT', ARGV[i])
  if #redis.call('SCAN', '0', 'MATCH', ARGV[1], 'COUNT', '1000')[2] > 0 then return 1 end
end
return 0`;

async function queueElsewhere(redis: Redis, databases: number[]): Promise<boolean> {
  if (databases.length === 0) return false;
  // Where scripts are forbidden nothing is known, and nothing is claimed.
  return (await redis.eval(queueScript, 0, `${queuePrefix}*`, ...databases).catch(() => 0)) === 1;
}

function bytesPerJob(stats: PerFamily<FamilyStats>): number | null {
  const ofJobs = jobFamilies.map((family) => stats[family]).filter(({ keys }) => keys > 0);
  if (ofJobs.length === 0) return null;
  return ofJobs.reduce<number | null>(
    (sum, { bytes_per_key: bytes }) => (sum === null || bytes === null ? null : sum + bytes),
    0,
  );
}

function readInfo(text: string) {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const inside = (database: number, name: string) =>
    Number(new RegExp(`\\b${name}=(\\d+)`).exec(fields.get(`db${database}`) ?? '')?.[1] ?? 0);
  return {
    text: (name: string) => fields.get(name) ?? '',
    number: (name: string) => Number(fields.get(name) ?? 0),
    /** Keys of a database that never run out. */
    eternal: (database: number) => inside(database, 'keys') - inside(database, 'expires'),
    /** All that hold keys, but one. */
    databases: (except: number) =>
      [...fields.keys()].flatMap((name) => {
        const number = /^db(\d+)$/.exec(name)?.[1];
        return number === undefined || Number(number) === except ? [] : [Number(number)];
      }),
  };
}

const late = Symbol('late');

/** What the promise gives, or `late` when the deadline or the connection's own limit for a command is first. */
async function before<T>(deadline: number, promise: Promise<T>): Promise<T | typeof late> {
  if (deadline === Infinity) return promise;
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), Math.max(0, deadline - performance.now()));
  });
  try {
    return await Promise.race([promise, timeUp]);
  } catch (error) {
    if (error instanceof Error && error.message === 'Command timed out') return late;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
