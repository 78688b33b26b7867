import { spawn, type ChildProcess } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Failpoint } from '../../src/shared/failpoint.ts';
import { startRedis, type RedisServer } from '../redis-server.ts';

/**
 * The whole service as real processes: two APIs, three workers, a Redis for the queue and one for the cache, on one data
 * folder. Starts them, starts again what dies, knows what was done to each, and ends them all, also with the harness itself.
 */
export const apiNames = ['api-1', 'api-2'] as const;
export const workerNames = ['worker-1', 'worker-2', 'worker-3'] as const;
export type ApiName = (typeof apiNames)[number];
export type ServiceName = ApiName | (typeof workerNames)[number];
export type RedisName = 'queue' | 'cache';
export type Harness = Awaited<ReturnType<typeof createHarness>>;

/** As the supervisor of `npm start` does it. */
const restartMs = 1_000;
const stopWithinMs = 30_000;
const hitPollMs = 25;
const setpriv = '/usr/bin/setpriv';

const root = findRoot(dirname(fileURLToPath(import.meta.url)));

/** This file runs from test/faults as well as from dist-faults/test/faults. */
function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder));
}

interface Slot {
  name: ServiceName;
  child: ChildProcess | null;
  starts: number;
}

/** What befell a process of the service. */
export interface Exit {
  name: ServiceName;
  pid: number;
  code: number | null;
  signal: string | null;
}

export interface Armed {
  action: 'kill' | 'stop' | 'sleep';
  /** How long it sleeps, or stays stopped. */
  ms: number;
  /** What becomes of a stopped one. */
  then: 'thaw' | 'kill';
  /** Whether somebody cancels the job that is held up there. */
  cancel: boolean;
}

export interface FoundProcess {
  pid: number;
  command: string;
}

export async function createHarness() {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const paths = {
    folder,
    data: join(folder, 'data'),
    logs: join(folder, 'logs'),
    failpoints: join(folder, 'failpoints'),
  };
  for (const path of [paths.data, paths.logs, paths.failpoints]) mkdirSync(path);

  const startedAt = Date.now();
  const note = (text: string) =>
    appendFileSync(join(paths.logs, 'harness.log'), `${((Date.now() - startedAt) / 1000).toFixed(3)} ${text}\n`);

  const ports = new Map<ApiName | RedisName, number>();
  for (const name of [...apiNames, 'queue', 'cache'] as const) ports.set(name, await quietPort());
  const urls = Object.fromEntries(apiNames.map((name) => [name, `http://127.0.0.1:${ports.get(name)}`])) as Record<
    ApiName,
    string
  >;
  const environment: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    DATA_DIR: paths.data,
    LOG_LEVEL: 'debug',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(ports.get('cache')),
    QUEUE_REDIS_URL: `redis://127.0.0.1:${ports.get('queue')}/0`,
    ENGINE: 'mapperatorinator', // the fixture in its place, also while no worker says that it is there
    MAPPERATORINATOR_HOME: join(root, 'test', 'fixtures', 'mapperatorinator', 'home'),
    PYTHON: join(root, 'test', 'fixtures', 'mapperatorinator', 'python.mjs'),
    HF_HOME: join(root, 'test', 'fixtures', 'mapperatorinator', 'huggingface'),
    NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'test', 'fixtures', 'failpoints.mjs')).href}`,
    FAILPOINTS: paths.failpoints,
  };

  const slots: Slot[] = [...apiNames, ...workerNames].map((name) => ({ name, child: null, starts: 0 }));
  const slotOf = (name: ServiceName) => slots.find((slot) => slot.name === name)!;
  const exits: Exit[] = [];
  /** Every process that was sent a signal, or slept for longer than a claim lives. */
  const struck = new Set<number>();
  /** Times in which an API could not answer as it would. */
  const disturbed: { pid: number; from: number; to: number }[] = [];
  const hits = new Map<Failpoint, number>();
  const hitTimes: { from: number; to: number }[] = [];
  const armed = new Map<string, Armed>();
  let heldUp: (pid: number, what: Armed) => void = () => undefined;
  const recovering = createSignal();
  let supervising = true;

  function launch(slot: Slot) {
    const [kind = ''] = slot.name.split('-');
    const port = slot.name === 'api-1' || slot.name === 'api-2' ? { PORT: String(ports.get(slot.name)) } : {};
    const program = [process.execPath, join(root, 'dist', kind, 'main.js')];
    const [file = '', ...args] = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', ...program] : program;
    const log = openSync(join(paths.logs, `${slot.name}.log`), 'a');
    // Its working folder is ours, so that no .env of the checkout has a say.
    const child = spawn(file, args, {
      cwd: folder,
      env: { ...environment, ...port },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    slot.child = child;
    slot.starts += 1;
    note(`${slot.name} started as ${child.pid}`);
    child.once('exit', (code, signal) => {
      slot.child = null;
      const pid = child.pid ?? 0;
      note(`${slot.name} (${pid}) ended: code ${code}, signal ${signal}`);
      exits.push({ name: slot.name, pid, code, signal });
      setTimeout(() => supervising && !slot.child && launch(slot), restartMs).unref();
    });
  }

  /** False: there is no such process. */
  function signal(pid: number | undefined, name: NodeJS.Signals, why: string): boolean {
    if (pid === undefined) return false;
    try {
      // The number of a process that has gone may be somebody else's by now.
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(paths.data)) return false;
      struck.add(pid);
      process.kill(pid, name);
    } catch {
      return false;
    }
    note(`${name} to ${slots.find((slot) => slot.child?.pid === pid)?.name ?? why} (${pid})`);
    return true;
  }

  /** Stops a process for a while. Resolves when it was thawed or killed. */
  async function freeze(pid: number | undefined, ms: number, then: 'thaw' | 'kill', why: string): Promise<boolean> {
    if (pid === undefined || !signal(pid, 'SIGSTOP', why)) return false;
    await thawLater(pid, ms, then, why);
    return true;
  }

  async function thawLater(pid: number, ms: number, then: 'thaw' | 'kill', why: string) {
    const disturbance = { pid, from: Date.now(), to: Infinity };
    disturbed.push(disturbance);
    await pause(ms, recovering.signal);
    signal(pid, then === 'thaw' ? 'SIGCONT' : 'SIGKILL', why);
    disturbance.to = Date.now();
  }

  /** The first process that passes this failpoint is killed, stopped or held up there. */
  async function arm(point: Failpoint, what: Armed) {
    const name = point.replace(':', '-');
    armed.set(name, what);
    // A process that stopped itself could be thawed before it has: so it waits, and is stopped from here.
    const action = { kill: 'kill', stop: 'wait', sleep: `sleep ${what.ms}` }[what.action];
    await writeFile(join(folder, 'arming'), action);
    await rename(join(folder, 'arming'), join(paths.failpoints, name));
  }

  const known = new Set<string>();
  async function watchFailpoints() {
    while (supervising) {
      for (const file of await readdir(paths.failpoints)) {
        const [, name, pid] = /^(.+)\.hit-(\d+)$/.exec(file) ?? [];
        if (name === undefined || known.has(file)) continue;
        known.add(file);
        void onHit(name.replace('-', ':') as Failpoint, Number(pid), armed.get(name)!)
          .then(() => rm(join(paths.failpoints, file), { force: true }))
          .finally(() => known.delete(file));
      }
      await sleep(hitPollMs);
    }
  }

  /** Resolves when the process may go on. */
  async function onHit(point: Failpoint, pid: number, what: Armed) {
    const { action, ms, then } = what;
    hits.set(point, (hits.get(point) ?? 0) + 1);
    note(`${point} hit by ${slots.find((slot) => slot.child?.pid === pid)?.name ?? pid}: ${action} ${ms}`);
    hitTimes.push({ from: Date.now(), to: Date.now() + (action === 'kill' ? 0 : ms) });
    if (action === 'sleep') disturbed.push({ pid, from: Date.now() - hitPollMs, to: Date.now() + ms });
    if (action !== 'sleep' || ms > 8_000) struck.add(pid);
    if (action !== 'kill') heldUp(pid, what);
    if (action === 'stop') await freeze(pid, ms, then, point);
    else await sleep(500); // it has moved the file and reads it next
  }

  /** The open jobs that a process has claimed. */
  async function jobsOf(pid: number): Promise<string[]> {
    const open = await readdir(join(paths.data, 'unfinished'));
    const owned = await Promise.all(
      open.map(async (id) => {
        const claims = join(paths.data, 'jobs', id, 'claims');
        const latest = Math.max(0, ...(await readdir(claims).catch(() => [])).map(Number));
        const claim = await readFile(join(claims, String(latest)), 'utf8').catch(() => '');
        return ownerOf(claim) === pid ? [id] : [];
      }),
    );
    return owned.flat();
  }

  const redis = {
    queue: createRedis('queue', ['--appendonly', 'yes', '--appendfsync', 'everysec']),
    cache: createRedis('cache', []),
  };

  /** One Redis on one port and one folder. Each method that does harm answers false while another is at it. */
  function createRedis(name: RedisName, args: string[]) {
    const dir = join(folder, `redis-${name}`);
    let server: RedisServer | null = null;
    let busy = false;

    async function start() {
      await mkdir(dir, { recursive: true });
      const logfile = join(paths.logs, `redis-${name}.log`);
      const own = ['--dir', dir, '--logfile', logfile, '--maxmemory-policy', 'noeviction', ...args];
      server = await startRedis({ port: ports.get(name)!, args: own });
      note(`redis ${name} started as ${server.pid}`);
    }

    async function alone(harm: () => Promise<void>): Promise<boolean> {
      if (busy || !server) return false;
      busy = true;
      await harm().finally(() => (busy = false));
      return true;
    }

    return {
      start,
      /** Killed, and back after a while; `wiped`: with nothing. */
      outage: (ms: number, wiped: boolean) =>
        alone(async () => {
          note(`redis ${name} killed for ${Math.round(ms)} ms${wiped ? ' and wiped' : ''}`);
          await server!.kill();
          if (wiped) await rm(dir, { recursive: true, force: true });
          await pause(ms, recovering.signal);
          await start();
        }),
      freeze: (ms: number) =>
        alone(async () => {
          note(`redis ${name} frozen for ${Math.round(ms)} ms`);
          server!.freeze();
          await pause(ms, recovering.signal);
          server!.thaw();
        }),
      flush: () => alone(() => tell(ports.get(name)!, 'FLUSHALL')),
      stop: async () => server?.stop(),
    };
  }

  /** The processes that work on this data folder, by their command lines and environments. */
  async function processes(): Promise<FoundProcess[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    const found = await Promise.all(
      pids.map(async (pid) => {
        const read = (file: string) => readFile(join('/proc', pid, file), 'utf8').catch(() => '');
        const [environ, cmdline] = await Promise.all([read('environ'), read('cmdline')]);
        const text = `${environ}\0${cmdline}`;
        if (!text.includes(paths.data)) return [];
        return [{ pid: Number(pid), command: cmdline.replaceAll('\0', ' ').trim() }];
      }),
    );
    return found.flat();
  }

  /** The warm runners that work for a job now: the one that their worker has claimed. */
  async function engines(): Promise<(FoundProcess & { job: string })[]> {
    const runners = (await processes()).filter(({ command }) => command.includes('runner.py'));
    const busy = await Promise.all(
      runners.map(async (runner) => {
        const stat = await readFile(`/proc/${runner.pid}/stat`, 'utf8').catch(() => '');
        const parent = Number(/^.*\) \S (\d+)/.exec(stat)?.[1]);
        return (await jobsOf(parent)).map((job) => ({ ...runner, job }));
      }),
    );
    return busy.flat();
  }

  function killEverything() {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
      try {
        if (readFileSync(join('/proc', pid, 'environ'), 'utf8').includes(paths.data)) process.kill(Number(pid), 9);
      } catch {
        // gone, or not ours
      }
    }
  }
  process.on('exit', killEverything);

  async function isUp(name: ApiName): Promise<boolean> {
    const answer = await fetch(`${urls[name]}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    await answer?.text().catch(() => '');
    return answer?.status === 200;
  }

  /** Waits until both APIs say that a job would be run. */
  async function untilUp(withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs;
    while (Date.now() < deadline) {
      const up = await Promise.all(apiNames.map(isUp));
      if (up.every(Boolean) && slots.every((slot) => slot.child)) return true;
      await sleep(100);
    }
    return false;
  }

  return {
    root,
    paths,
    urls,
    struck,
    exits,
    hits,
    hitTimes,
    note,
    signal,
    freeze,
    arm,
    redis,
    processes,
    untilUp,
    jobsOf,
    pid: (name: ServiceName) => slotOf(name).child?.pid,
    /** Called with every process that a failpoint stops or slows down. */
    onHeldUp: (listener: typeof heldUp) => void (heldUp = listener),
    starts: () => slots.reduce((sum, { starts }) => sum + starts, 0),
    engines,
    /** The workers that the APIs have forked in the place of a queue. */
    forked: async () => (await processes()).filter(({ command }) => command.includes('--forked')),
    /** Whether this API was frozen or held up at some time between. */
    wasDisturbed(name: ApiName, from: number, to: number): boolean {
      const pid = slotOf(name).child?.pid;
      return disturbed.some((time) => time.pid === pid && time.from <= to && time.to >= from);
    },
    async start() {
      await Promise.all([redis.queue.start(), redis.cache.start()]);
      for (const slot of slots) launch(slot);
      void watchFailpoints();
      if (!(await untilUp(30_000))) throw new Error(`The service did not come up; its logs are in ${paths.logs}.`);
    },
    /** Ends every fault: nothing stays armed, frozen or away. */
    async recover() {
      for (const file of await readdir(paths.failpoints)) {
        if (!file.includes('.hit-')) await rm(join(paths.failpoints, file), { force: true });
      }
      recovering.abort();
    },
    /** Starts one API again after the stop, with more in its environment. It is started anew when it dies. */
    startOneAgain(extra: Record<string, string>) {
      supervising = true;
      Object.assign(environment, extra);
      launch(slotOf('api-1'));
      void watchFailpoints();
    },
    /** Ends the service as an operator would. Answers the names of what had to be killed. */
    async stop(): Promise<string[]> {
      supervising = false;
      const killed: string[] = [];
      await Promise.all(
        slots.map(async (slot) => {
          const { child, name } = slot;
          if (!child) return;
          signal(child.pid, 'SIGTERM', name);
          const deadline = Date.now() + stopWithinMs;
          while (slot.child && Date.now() < deadline) await sleep(50);
          if (!slot.child) return;
          killed.push(name);
          child.kill('SIGKILL');
        }),
      );
      return killed;
    },
    /** Ends whatever is left; `keep` leaves data and logs. */
    async close(keep: boolean) {
      supervising = false;
      recovering.abort();
      killEverything();
      process.off('exit', killEverything);
      await Promise.all([redis.queue.stop(), redis.cache.stop()]);
      if (!keep) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** The process id in the text of a claim; 0 where there is none. */
export const ownerOf = (claim: string): number => Number(/"owner":"[^"]*?:(\d+)[:"]/.exec(claim)?.[1] ?? 0);

/** A signal that any number may wait for. */
export function createSignal(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);

/**
 * A port below those that the system hands out by itself: one of those may be taken by anybody's connection while its server is
 * away, and a client that tries again and again may even end up connected to itself.
 */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** One command to a Redis, without waiting for long. */
async function tell(port: number, command: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', () => socket.destroy());
    socket.once('error', () => undefined);
    socket.once('close', () => resolve());
  });
}
