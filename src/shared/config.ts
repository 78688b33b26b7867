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

const minutes = z.coerce.number().min(0.01).max(20_160);
const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65535).default(8000),
  REDIS_HOST: z.string().default('localhost'),
  REDIS_PORT: integer(1, 65535).default(6379),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_DB: integer(0, 1024).default(1),
  QUEUE_REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  DATA_DIR: z.string().default('data'),
  ENGINE: z.enum(['auto', 'builtin', 'mapperatorinator']).default('auto'),
  MAPPERATORINATOR_HOME: z.string().optional(),
  PYTHON: z.string().default('python3'),
  HF_HOME: z.string().optional(),
  CUDA_VISIBLE_DEVICES: z.string().optional(),
  WORKER_CONCURRENCY: integer(1, 64).default(1),
  MAX_UPLOAD_MB: integer(1, 4096).default(200),
  MAX_AUDIO_MINUTES: integer(1, 600).default(60),
  MAX_WAIT_MINUTES: minutes.default(1440),
  MAX_RUN_MINUTES: minutes.default(120),
  MAX_SILENT_MINUTES: minutes.default(10),
  RETENTION_DAYS: z.coerce.number().min(0.0001).max(3650).default(30),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

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
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`The configuration is not usable.\n${lines.join('\n')}`);
  }
  const e = parsed.data;
  const cacheRedis: RedisAddress = { host: e.REDIS_HOST, port: e.REDIS_PORT, db: e.REDIS_DB };
  if (e.REDIS_PASSWORD) cacheRedis.password = e.REDIS_PASSWORD;
  const withoutRedis = e.REDIS_HOST === 'none';

  return Object.freeze({
    host: e.HOST,
    port: e.PORT,
    cacheRedis: withoutRedis ? null : cacheRedis,
    queueRedis: e.QUEUE_REDIS_URL ? fromUrl(e.QUEUE_REDIS_URL) : withoutRedis ? null : { ...cacheRedis, db: 0 },
    dataDir: resolve(e.DATA_DIR),
    engine: e.ENGINE,
    mapperatorinatorHome: e.MAPPERATORINATOR_HOME ? resolve(e.MAPPERATORINATOR_HOME) : null,
    python: e.PYTHON,
    huggingFaceHome: e.HF_HOME ?? null,
    cudaVisibleDevices: e.CUDA_VISIBLE_DEVICES ?? null,
    searchPath: env['PATH'] ?? '',
    workerConcurrency: e.WORKER_CONCURRENCY,
    maxUploadBytes: e.MAX_UPLOAD_MB * 1024 * 1024,
    maxAudioSeconds: e.MAX_AUDIO_MINUTES * 60,
    maxWaitSeconds: e.MAX_WAIT_MINUTES * 60,
    maxRunSeconds: e.MAX_RUN_MINUTES * 60,
    maxSilentSeconds: e.MAX_SILENT_MINUTES * 60,
    retentionMs: e.RETENTION_DAYS * 86_400_000,
    logLevel: e.LOG_LEVEL,
  });
}

function fromUrl(text: string): RedisAddress {
  const url = new URL(text);
  const address: RedisAddress = {
    host: url.hostname,
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
  };
  if (url.username) address.username = decodeURIComponent(url.username);
  if (url.password) address.password = decodeURIComponent(url.password);
  if (url.protocol === 'rediss:') address.tls = {};
  return address;
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
