import { config as loadDotenv } from 'dotenv';
import { resolve } from 'node:path';
import { z } from 'zod';

/** A Redis connection as ioredis takes it. */
export interface RedisAddress {
  host: string;
  port: number;
  password?: string;
  username?: string;
  db: number;
  tls?: object;
}

/** Words of ours with every check: what is wanted, in the end of the sentence that begins with the variable. */
const number = (min: number, max: number) => {
  const wanted = `must be a number from ${min} to ${max}`;
  return z.coerce.number(wanted).min(min, wanted).max(max, wanted);
};
const integer = (min: number, max: number) => {
  const wanted = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(wanted).int(wanted).min(min, wanted).max(max, wanted);
};
const oneOf = <const T extends string>(...words: T[]) =>
  z.enum(words, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
const minutes = number(0.01, 20_160);

const secret = z.string().regex(/^[\x21-\x7e]{16,}$/, 'must be 16 or more visible ASCII characters');
const list = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
/** `alice:KEY,bob:KEY` */
const apiKeys = z.string().transform((text, context) =>
  list(text).map((part) => {
    const [, name = '', key = ''] = /^([\w-]+):(.+)$/.exec(part) ?? [];
    if (!secret.safeParse(key).success) {
      context.addIssue('must be name:key,name:key with keys of 16 or more visible ASCII characters');
    }
    return { name, key };
  }),
);
const redisUrl = z.string().transform((text, context) => {
  const address = fromUrl(text);
  if (address) return address;
  context.addIssue('must be redis://[user:password@]host[:port][/database], or rediss:// for TLS');
  return z.NEVER;
});
const gpus = z
  .string()
  .transform(list)
  .refine(
    (all) => all.every((one) => /^(\d+|(GPU|MIG)-[\w/-]+)$/.test(one)) || (all.length === 1 && all[0] === '-1'),
    'must be GPUs such as 0,1 with a comma between, or -1 for the CPU',
  );
const webOrigin = z.union([z.literal('*'), z.url({ protocol: /^https?$/ })]);
const origins = z
  .string()
  .transform(list)
  .refine(
    (all) => all.every((one) => webOrigin.safeParse(one).success),
    'must be * or origins such as https://maps.example, with commas between',
  );

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65535).default(8000),
  REDIS_HOST: z.string().default('localhost'),
  REDIS_PORT: integer(1, 65535).default(6379),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_DB: integer(0, 1024).default(1),
  QUEUE_REDIS_URL: redisUrl.optional(),
  DATA_DIR: z.string().default('data'),
  ENGINE: oneOf('auto', 'builtin', 'mapperatorinator').default('auto'),
  MAPPERATORINATOR_HOME: z.string().optional(),
  PYTHON: z.string().default('python3'),
  HF_HOME: z.string().optional(),
  CUDA_VISIBLE_DEVICES: gpus.optional(),
  LORA_DIR: z.string().optional(),
  WORKER_CONCURRENCY: integer(1, 64).default(1),
  MAX_UPLOAD_MB: integer(1, 4096).default(200),
  MAX_AUDIO_MINUTES: integer(1, 600).default(60),
  MAX_WAIT_MINUTES: minutes.default(1440),
  MAX_RUN_MINUTES: minutes.default(120),
  MAX_SILENT_MINUTES: minutes.default(10),
  RETENTION_DAYS: number(0.0001, 3650).default(30),
  MAX_OPEN_JOBS: integer(1, 1_000_000).default(1000),
  MAX_OPEN_JOBS_PER_KEY: integer(1, 1_000_000).default(100),
  API_KEYS: apiKeys.default([]),
  ADMIN_KEY: secret.optional(),
  CORS_ORIGINS: origins.default(['*']),
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
});

/** The names of all variables. */
export const variables: readonly string[] = Object.keys(environment.shape);

/** What these hold is in no message. */
const secrets = new Set(['REDIS_PASSWORD', 'QUEUE_REDIS_URL', 'API_KEYS', 'ADMIN_KEY']);

export type Config = ReturnType<typeof parseConfig>;

/** Thrown by parseConfig; the message has one line for each wrong variable. */
export class ConfigError extends Error {}

/**
 * Environment → typed, frozen configuration. An empty variable counts as not set.
 * `REDIS_HOST=none` means: no Redis at all, run from memory.
 * Throws ConfigError that names every wrong variable.
 */
export function parseConfig(env: Record<string, string | undefined>) {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environment.safeParse(set);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `${name}: ${message}${secrets.has(name) ? '' : `, not ${JSON.stringify(set[name])}`}`;
    });
    throw new ConfigError(`The configuration is not usable.\n${[...new Set(lines)].join('\n')}`);
  }
  const e = parsed.data;
  const cacheRedis: RedisAddress = { host: e.REDIS_HOST, port: e.REDIS_PORT, db: e.REDIS_DB };
  if (e.REDIS_PASSWORD) cacheRedis.password = e.REDIS_PASSWORD;
  const withoutRedis = e.REDIS_HOST === 'none';

  return Object.freeze({
    host: e.HOST,
    port: e.PORT,
    cacheRedis: withoutRedis ? null : cacheRedis,
    queueRedis: e.QUEUE_REDIS_URL ?? (withoutRedis ? null : { ...cacheRedis, db: 0 }),
    dataDir: resolve(e.DATA_DIR),
    engine: e.ENGINE,
    mapperatorinatorHome: e.MAPPERATORINATOR_HOME ? resolve(e.MAPPERATORINATOR_HOME) : null,
    python: e.PYTHON.includes('/') ? resolve(e.PYTHON) : e.PYTHON, // it is started in another folder
    huggingFaceHome: e.HF_HOME ?? null,
    /** One entry per Mapperatorinator job at a time: a GPU, `-1` for the CPU, or null for what the program chooses. */
    slots: e.CUDA_VISIBLE_DEVICES ?? [null],
    loraDir: e.LORA_DIR ? resolve(e.LORA_DIR) : null,
    searchPath: env['PATH'] ?? '',
    workerConcurrency: e.WORKER_CONCURRENCY,
    maxUploadBytes: e.MAX_UPLOAD_MB * 1024 * 1024,
    maxAudioSeconds: e.MAX_AUDIO_MINUTES * 60,
    maxWaitSeconds: e.MAX_WAIT_MINUTES * 60,
    maxRunSeconds: e.MAX_RUN_MINUTES * 60,
    maxSilentSeconds: e.MAX_SILENT_MINUTES * 60,
    retentionMs: e.RETENTION_DAYS * 86_400_000,
    maxOpenJobs: e.MAX_OPEN_JOBS,
    maxOpenJobsPerKey: e.MAX_OPEN_JOBS_PER_KEY,
    apiKeys: e.API_KEYS,
    adminKey: e.ADMIN_KEY ?? null,
    corsOrigins: e.CORS_ORIGINS,
    logLevel: e.LOG_LEVEL,
  });
}

/** Null for what is no address of a Redis. */
function fromUrl(text: string): RedisAddress | null {
  try {
    const url = new URL(text);
    if (!/^rediss?:$/.test(url.protocol) || url.hostname === '' || !/^\/?\d*$/.test(url.pathname)) return null;
    const address: RedisAddress = {
      host: url.hostname,
      port: Number(url.port || 6379),
      db: Number(url.pathname.slice(1) || 0),
    };
    if (url.username) address.username = decodeURIComponent(url.username);
    if (url.password) address.password = decodeURIComponent(url.password);
    if (url.protocol === 'rediss:') address.tls = {};
    return address;
  } catch {
    return null;
  }
}

/**
 * The configuration of this process: its environment over a `.env` in the working folder. A wrong one ends the process with
 * exit code 2 and the names of the variables.
 */
export function loadConfig(): Config {
  loadDotenv({ quiet: true });
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
