import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';
import type { Failpoint } from '../src/shared/failpoint.ts';
import { startRedis } from './redis-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const fixtures = join(root, 'test', 'fixtures', 'mapperatorinator');
const failpointHook = join(root, 'test', 'fixtures', 'failpoints.mjs');

/** Environment of a service whose model is the fixture program. */
export const withFixtureModel = {
  MAPPERATORINATOR_HOME: join(fixtures, 'home'),
  PYTHON: join(fixtures, 'python.mjs'),
  HF_HOME: join(fixtures, 'huggingface'),
};

export const demoSong = join(root, 'assets', 'demo-song.ogg');

/** A WAVE file of a quiet tone: real audio, for tests of the service that need no music. */
export function tone(seconds = 3): Uint8Array {
  const rate = 8000;
  const samples = Math.round(rate * seconds);
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(2 * rate, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * samples, 40);
  for (let i = 0; i < samples; i += 1)
    wav.writeInt16LE(Math.round(3000 * Math.sin((i * 440 * 2 * Math.PI) / rate)), 44 + 2 * i);
  return wav;
}

export interface ServiceOptions {
  /** Null: no Redis at all. */
  redisUrl: string | null;
  workers?: number;
  apis?: number;
  env?: Record<string, string>;
  dataDir?: string;
  /** A command line that is put before that of an API process, such as `unshare`. */
  wrapper?: string[];
  /** Where the processes are started. */
  cwd?: string;
  /** The processes can be stopped at their failpoints, with `arm`. */
  failpoints?: boolean;
}

/** An answer's document; each test says what it expects in it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the tests look at JSON that is not typed
type Json = Record<string, any>;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

export type Service = Awaited<ReturnType<typeof startService>>;

/** The address of a Redis that only this file's tests use, without a database. Call it outside of the tests, before what uses it. */
export async function redisOfFile(): Promise<string> {
  const redis = await startRedis();
  afterAll(() => redis.stop());
  return redis.url;
}

/** The built service as real processes on a data folder of its own. Everything ends with the test. */
export async function startService(options: ServiceOptions) {
  const { service, close } = await open(options);
  onTestFinished(close);
  return service;
}

/** One service for all tests of a file, started by the first that asks. Call it outside of the tests. */
export function sharedService(options: ServiceOptions) {
  let opened: ReturnType<typeof open> | undefined;
  afterAll(async () => (await opened)?.close());
  return async () => (await (opened ??= open(options))).service;
}

async function open({
  redisUrl,
  workers = 0,
  apis = 1,
  env = {},
  dataDir,
  wrapper = [],
  failpoints = false,
  cwd,
}: ServiceOptions) {
  const armory = failpoints ? await mkdtemp(join(tmpdir(), 'failpoints-')) : null;
  const data = dataDir ?? (await mkdtemp(join(tmpdir(), 'service-')));
  const processes: Running[] = [];
  const redis = redisUrl ? new URL(redisUrl) : null;
  const environment = {
    PATH: process.env['PATH'] ?? '',
    DATA_DIR: data,
    PORT: '0',
    LOG_LEVEL: 'debug',
    REDIS_HOST: redis?.hostname ?? 'none',
    ...(redis ? { REDIS_PORT: redis.port, REDIS_DB: String(Number(redis.pathname.slice(1) || 0) + 1) } : {}),
    ...(redis ? { QUEUE_REDIS_URL: redisUrl! } : {}),
    ...(armory ? { FAILPOINTS: armory, NODE_OPTIONS: `--import=${pathToFileURL(failpointHook).href}` } : {}),
    ...env,
  };

  async function start(kind: 'api' | 'worker') {
    const running = launch(kind, environment, kind === 'api' ? wrapper : [], cwd);
    processes.push(running);
    await running.logged(kind === 'api' ? 'The API is up.' : 'The worker is up.');
    return running;
  }

  async function close() {
    await Promise.all(processes.map((running) => running.end('SIGTERM')));
    if (!dataDir) await rm(data, { recursive: true, force: true });
    if (armory) await rm(armory, { recursive: true, force: true });
  }
  const started: Running[] = [];
  for (let i = 0; i < workers; i += 1) started.push(await start('worker'));
  const apiProcesses: Running[] = [];
  for (let i = 0; i < apis; i += 1) apiProcesses.push(await start('api'));

  const urlOf = (api: Running) =>
    `http://127.0.0.1:${api.lines.find((line) => line['msg'] === 'The API is up.')!['port']}`;
  const service = {
    data,
    environment,
    workers: started,
    apis: apiProcesses,
    start,
    urlOf,
    get url() {
      return urlOf(apiProcesses.at(-1)!);
    },
    async call(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
      const response = await fetch(service.url + path, { method, ...init });
      const text = await response.text();
      const json = /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : { text } };
    },
    get: (path: string) => service.call('GET', path),
    /** Arms a failpoint; the answer waits until a process has come to it, and lets one that waits there go on. */
    async arm(name: Failpoint, action: string) {
      const file = name.replace(':', '-');
      await writeFile(join(armory!, file), action);
      const hits = async () => (await readdir(armory!)).filter((entry) => entry.startsWith(`${file}.hit-`));
      return {
        hit: () => eventually(hits, (found) => found.length > 0),
        async release() {
          for (const hit of await hits()) await rm(join(armory!, hit));
        },
      };
    },
    async submit(fields: Record<string, string> = {}, song: Uint8Array | string = tone(), filename = 'song.wav') {
      const bytes = typeof song === 'string' ? await readFile(song) : song;
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append('audio_file', new Blob([new Uint8Array(bytes)]), filename);
      return service.call('POST', '/process', { body: form });
    },
    /** Waits until the job is in one of the states; fails after 60 s with what it is instead. */
    async until(id: string, states: string | string[], timeoutMs = 60_000): Promise<Json> {
      const wanted = [states].flat();
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const { body } = await service.get(`/jobs/${id}`);
        if (wanted.includes(body['state'])) return body;
        const over = ['succeeded', 'failed', 'cancelled', 'timed_out'].includes(body['state']);
        if (over || Date.now() > deadline) {
          throw new Error(
            `job ${id} is ${body['state']}, not ${wanted.join(' or ')}: ${JSON.stringify(body['error'])}`,
          );
        }
        await sleep(50);
      }
    },
  };
  return { service, close };
}

export interface Running {
  child: ChildProcess;
  lines: Json[];
  logged(message: string): Promise<Json>;
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }>;
}

function launch(kind: 'api' | 'worker', env: Record<string, string>, wrapper: string[], cwd?: string): Running {
  const [file = '', ...args] = [...wrapper, process.execPath, join(root, 'dist', kind, 'main.js')];
  const child = spawn(file, args, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Json[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('{')) lines.push(JSON.parse(part) as Json);
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  return {
    child,
    lines,
    async logged(message) {
      for (let i = 0; i < 600; i += 1) {
        const line = lines.find(({ msg }) => msg === message);
        if (line) return line;
        if (child.exitCode !== null)
          throw new Error(`${kind} ended with ${child.exitCode}: ${JSON.stringify(lines.slice(-3))}`);
        await sleep(25);
      }
      throw new Error(`${kind} never logged "${message}"`);
    },
    end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

/** Asks again until the check holds; fails with its last answer. */
export async function eventually<T>(
  look: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${timeoutMs} ms`);
    await sleep(50);
  }
}
