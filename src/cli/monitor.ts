import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import { clearCache, countCache, readCacheStats, type PerFamily } from '../shared/cache-stats.ts';
import { loadConfig, type RedisAddress } from '../shared/config.ts';
import { monitorConnection, reasonOf } from '../shared/redis.ts';
import { createDisplay, linesOf, many, titleOf, whole } from './monitor-view.ts';
import { UsageError } from './procfile.ts';

const usage = `Shows what is in the cache's Redis, live. Ctrl-C ends it.

  npm run monitor -- [--interval SECONDS]           look every 2 s, or as often as you say
  npm run --silent monitor -- --stats               one look, as JSON
  npm run monitor -- --clear [PATTERN] [--yes]      delete the caches of all jobs, or those that match

A pattern is Redis's, as in "job_progress:*". Only keys of the cache are ever deleted, whatever it is. --yes asks no question.

  --host HOST --port PORT --db NUMBER --password PASSWORD
      another Redis than that of REDIS_HOST, REDIS_PORT, REDIS_DB and REDIS_PASSWORD. Other users of this machine
      can see what is on a command line: a password is better in the environment.
`;

const statsBudgetMs = 5_000;
const longestLookMs = 2_000;
const connectMs = 5_000;
/** So many looks in a row without an answer, and the connection is made anew: its host may be gone without a word. */
const looksBeforeReconnect = 3;

interface Wish {
  do: 'watch' | 'stats' | 'clear' | 'help';
  pattern: string | undefined;
  yes: boolean;
  intervalMs: number;
  /** Variables of the configuration that the command line says otherwise. */
  environment: Record<string, string>;
}

function readWish(all: string[]): Wish {
  const { args, clear } = takeClear(all);
  const { values } = parse(args);
  if (clear && values.stats) throw new UsageError('Say either --stats or --clear.');
  if (values.host === '') throw new UsageError('--host is empty.');
  const environment = {
    ...(values.host === undefined ? {} : { REDIS_HOST: values.host }),
    ...(values.port === undefined ? {} : { REDIS_PORT: `${integer('--port', values.port, 1, 65535)}` }),
    ...(values.db === undefined ? {} : { REDIS_DB: `${integer('--db', values.db, 0, 1024)}` }),
    ...(values.password === undefined ? {} : { REDIS_PASSWORD: values.password }),
  };
  const seconds = Number(values.interval);
  if (values.interval.trim() === '' || !(seconds >= 0.1 && seconds <= 3600))
    throw new UsageError(`--interval ${values.interval}: it must be a number of seconds from 0.1 to 3600.`);
  return {
    do: values.help ? 'help' : clear ? 'clear' : values.stats ? 'stats' : 'watch',
    pattern: clear?.pattern,
    yes: values.yes,
    intervalMs: seconds * 1000,
    environment,
  };
}

/** `--clear` may have a value or none, which parseArgs does not know. */
function takeClear(all: string[]): { args: string[]; clear: { pattern?: string } | null } {
  const at = all.findIndex((arg) => arg === '--clear' || arg.startsWith('--clear='));
  if (at === -1) return { args: all, clear: null };
  const inside = all[at]?.startsWith('--clear=') ? all[at].slice('--clear='.length) : undefined;
  const next = all[at + 1];
  const beside = inside === undefined && next !== undefined && !next.startsWith('-') ? next : undefined;
  const pattern = inside ?? beside;
  // Most likely a shell variable that is not set; it must not mean everything.
  if (pattern === '') throw new UsageError('The pattern of --clear is empty; leave it out to clear all jobs.');
  return {
    args: all.filter((_, i) => i !== at && !(beside !== undefined && i === at + 1)),
    clear: pattern === undefined ? {} : { pattern },
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        stats: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        host: { type: 'string' },
        port: { type: 'string' },
        db: { type: 'string' },
        password: { type: 'string' },
        interval: { type: 'string', default: '2' },
      },
    });
  } catch (error) {
    // Its further sentences are advice that does not fit.
    const [sentence] = (error as Error).message.split(/\.\s|\.$/);
    throw new UsageError(`${sentence} (see npm run monitor -- --help).`);
  }
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${name} ${text}: it must be a whole number from ${min} to ${max}.`);
}

/** The configuration checks the rest, and `.env` keeps its place behind the environment. */
function addressOf({ environment }: Wish): RedisAddress {
  Object.assign(process.env, environment);
  const { cacheRedis } = loadConfig();
  if (!cacheRedis) throw new Error('REDIS_HOST is "none", so the service uses no Redis; name one with --host.');
  return cacheRedis;
}

interface Connection {
  redis: Redis;
  /** Why it cannot be used now; null while it can. */
  trouble(): Error | null;
}

/** Resolves when Redis is there and has let us in, into the database that was asked for. Rejects with one sentence. */
async function connect(address: RedisAddress): Promise<Connection> {
  const redis = monitorConnection(address);
  let first: Error | null = null;
  redis.on('connect', () => (first = null));
  // What follows the first is its consequence. A refused SELECT is only told here: ioredis goes on in database 0.
  redis.on('error', (error: Error) => (first ??= error));
  const trouble = () => first ?? (redis.status === 'ready' ? null : new Error('the connection is closed'));
  const timeUp = sleep(connectMs, new Error(`no answer within ${connectMs / 1000} s`), { ref: false });
  const failed = await Promise.race([redis.connect().then(trouble, trouble), timeUp]);
  if (!failed) return { redis, trouble };
  redis.disconnect();
  throw inWords(address, failed);
}

const placeOf = ({ host, port }: RedisAddress) => `${host}:${port}`;

function inWords(address: RedisAddress, error: unknown): Error {
  const refused = error instanceof Error && error.name === 'ReplyError';
  return new Error(`Redis at ${placeOf(address)} ${refused ? 'refuses' : 'cannot be reached'}: ${reasonOf(error)}.`);
}

async function stats(address: RedisAddress) {
  const { redis } = await connect(address);
  const found = await readCacheStats(redis, { budgetMs: statsBudgetMs }).catch((error: unknown) => {
    throw inWords(address, error);
  });
  redis.disconnect();
  const { host, port, db } = address;
  process.stdout.write(`${JSON.stringify({ redis: { host, port, db }, ...found }, null, 2)}\n`);
}

async function clear(address: RedisAddress, { pattern, yes }: Wish) {
  const { redis, trouble } = await connect(address);
  const where = `Redis ${placeOf(address)}, database ${address.db}`;
  try {
    if (!yes) {
      const counts = await countCache(redis, pattern);
      if (total(counts) === 0) return say(`There is nothing to delete in ${where}.`);
      if (!(await agreed(`Delete ${inFamilies(counts)} from ${where}? [y/N] `)))
        throw new Refusal('Nothing was deleted.');
      // The answer may have taken long, and the connection may be another by now.
      const failed = trouble();
      if (failed) throw failed;
    }
    const deleted = await clearCache(redis, pattern);
    say(
      total(deleted) === 0
        ? `There is nothing to delete in ${where}.`
        : `Deleted ${inFamilies(deleted)} from ${where}.`,
    );
  } catch (error) {
    throw error instanceof Refusal ? error : inWords(address, error);
  } finally {
    redis.disconnect();
  }
}

/** The question was answered with no. */
class Refusal extends Error {}

/** Anything but y or yes is no, and so are the end of the input and Ctrl-C. */
async function agreed(question: string): Promise<boolean> {
  // Without its own line editor: the terminal's own shows what is typed and turns Ctrl-C into a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  process.once('SIGINT', () => lines.close());
  process.stderr.write(question);
  const answer = new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  const agreement = /^\s*y(es)?\s*$/i.test(await answer);
  lines.close();
  return agreement;
}

const total = (counts: PerFamily<number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** `12 keys (job_progress 4, output_files 8)` */
function inFamilies(counts: PerFamily<number>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const keys = many(total(counts), 'key');
  return parts.length === 0 ? keys : `${keys} (${parts.map(([family, n]) => `${family} ${whole(n)}`).join(', ')})`;
}

/** Looks for as long as the process lives. Once it was there, a Redis that goes away is waited for. */
async function watch(address: RedisAddress, intervalMs: number): Promise<never> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(0));
  const connection = await connect(address);
  const display = createDisplay(process.stdout);
  process.on('exit', display.leave);
  process.stdout.on('error', () => process.exit(0)); // whoever read it is gone

  const head = `Redis ${placeOf(address)}, database ${address.db}`;
  let unanswered = 0;
  for (;;) {
    const startedAt = performance.now();
    try {
      const failed = connection.trouble();
      if (failed) throw failed;
      const budgetMs = Math.max(500, Math.min(longestLookMs, intervalMs));
      const found = await readCacheStats(connection.redis, { budgetMs });
      unanswered = 0;
      display.show(linesOf(head, found, display.paint));
    } catch (error) {
      unanswered += 1;
      if (connection.redis.status === 'ready' && unanswered % looksBeforeReconnect === 0)
        connection.redis.disconnect(true);
      const away = display.paint('red', `Redis is away: ${reasonOf(error)}.`);
      display.show([titleOf(head, display.paint), '', `  ${away} Waiting for it.`]);
    }
    await sleep(Math.max(100, intervalMs - (performance.now() - startedAt)));
  }
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(wish: Wish) {
  if (wish.do === 'help') return void process.stdout.write(usage);
  if (wish.do === 'clear' && !wish.yes && !process.stdin.isTTY)
    throw new UsageError('Nothing was deleted: --clear needs --yes where nobody can be asked.');
  const address = addressOf(wish);
  if (wish.do === 'clear') return clear(address, wish);
  if (wish.do === 'stats') return stats(address);
  return watch(address, wish.intervalMs);
}

try {
  await main(readWish(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
