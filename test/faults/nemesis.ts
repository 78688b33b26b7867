import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failpoint } from '../../src/shared/failpoint.ts';
import { apiNames, pause, workerNames, type Armed, type Harness, type RedisName, type ServiceName } from './harness.ts';
import { createRandom, type Random } from './random.ts';

/**
 * The faults. What is done when, to whom and for how long is a function of the seed and the length of the run alone; which engine
 * or job it meets depends on what runs then (`pick` is a number from 0 to 1 that chooses among them).
 */
type Process = ServiceName | 'forked';
export type Fault = { at: number } & (
  | { kind: 'kill' | 'term'; target: Process }
  | { kind: 'freeze'; target: Process; ms: number; then: 'thaw' | 'kill' }
  | { kind: 'kill-engine'; pick: number }
  | { kind: 'freeze-engine'; pick: number; ms: number; then: 'thaw' | 'kill' }
  | { kind: 'outage'; redis: RedisName; ms: number; wiped: boolean }
  | { kind: 'freeze-redis'; redis: RedisName; ms: number }
  | { kind: 'flush-cache' }
  | { kind: 'remove-scratch'; pick: number }
  | ({ kind: 'arm'; point: Failpoint } & Armed)
);

/** When each is armed: the sweep of old jobs has a time of its own. A failpoint that is missing here does not compile. */
const failpoints: Record<Failpoint, 'storm' | 'afterwards' | 'by delete.test.ts'> = {
  'submit:stored': 'storm',
  'submit:recorded': 'storm',
  'submit:handed': 'storm',
  'hand:looked': 'storm',
  'cancel:flagged': 'storm',
  'run:claimed': 'storm',
  'run:prepared': 'storm',
  'run:checked': 'storm',
  'run:published': 'storm',
  'run:finished': 'storm',
  'finish:linked': 'storm',
  'files:read': 'storm',
  'remove:renamed': 'by delete.test.ts',
  'sweep:expired': 'afterwards',
};
const armedIn = (time: string) =>
  (Object.keys(failpoints) as Failpoint[]).filter((point) => failpoints[point] === time);
const armedFailpoints = armedIn('storm');
export const failpointNames = [...armedFailpoints, ...armedIn('afterwards')];

/** Storms with calm between, so that there are times at which the service is to be as quick as ever. */
const cycleMs = 120_000;
const calmMs = 25_000;

/** All faults of a run, in order of time (ms from its start). */
export function planFaults(seed: number, seconds: number): Fault[] {
  const length = seconds * 1000;
  const faults = [
    ...strokes(createRandom(seed, 'faults'), length),
    ...armings(createRandom(seed, 'failpoints'), length),
  ];
  const inStorm = ({ at }: Fault) => at < length && at % cycleMs < cycleMs - calmMs;
  return [...faults.filter(inStorm), ...longOutages(createRandom(seed, 'outage'), length)].sort((a, b) => a.at - b.at);
}

function strokes(random: Random, length: number): Fault[] {
  const faults: Fault[] = [];
  for (let at = 2_000; at < length; at += random.between(200, 4_600))
    faults.push(stroke(random, Math.round(at), length));
  return faults;
}

function stroke(random: Random, at: number, length: number): Fault {
  const then = () => (random.chance(0.7) ? 'thaw' : 'kill');
  const target = () => random.pick<Process>([...apiNames, ...workerNames, ...workerNames, 'forked']);
  const redis = () => random.pick<RedisName>(['queue', 'cache']);
  /** Mostly short; a long one outlives the patience for a claim. */
  const while_ = (max: number) =>
    Math.round(random.chance(0.3) ? random.between(max / 3, max) : random.between(200, max / 3));
  const most = (ms: number) => Math.min(ms, length / 4);
  const kind = random.weighted({
    kill: 16,
    term: 8,
    freeze: 16,
    'kill-engine': 6,
    'freeze-engine': 5,
    outage: 7,
    'freeze-redis': 8,
    'flush-cache': 4,
    'remove-scratch': 5,
  });
  switch (kind) {
    case 'kill':
    case 'term':
      return { at, kind, target: target() };
    case 'freeze':
      return { at, kind, target: target(), ms: while_(most(20_000)), then: then() };
    case 'kill-engine':
    case 'remove-scratch':
      return { at, kind, pick: random.next() };
    case 'freeze-engine':
      return { at, kind, pick: random.next(), ms: while_(most(10_000)), then: then() };
    case 'outage': {
      const name = redis();
      return { at, kind, redis: name, ms: while_(most(30_000)) + 800, wiped: name === 'queue' && random.chance(0.4) };
    }
    case 'freeze-redis':
      return { at, kind, redis: redis(), ms: Math.round(random.between(1_000, most(10_000))) };
    case 'flush-cache':
      return { at, kind };
  }
}

/** Every named place with every harm, again and again, each time in another order. */
function armings(random: Random, length: number): Fault[] {
  const every = Math.max(900, Math.min(5_000, length / (armedFailpoints.length * 2)));
  const actions = ['kill', 'stop', 'sleep'] as const;
  const all = armedFailpoints.flatMap((point) => actions.map((action) => ({ point, action })));
  const faults: Fault[] = [];
  for (let round: typeof all = [], at = 1_000; at < length; at += random.between(every / 2, (3 * every) / 2)) {
    if (round.length === 0) round = random.shuffle(all);
    const ms = Math.round(random.chance(0.2) ? random.between(8_000, 14_000) : random.between(100, 5_000));
    faults.push({
      at: Math.round(at),
      kind: 'arm',
      ...round.pop()!,
      ms,
      then: random.chance(0.7) ? 'thaw' : 'kill',
      cancel: random.chance(0.35),
    });
  }
  return faults;
}

/** One that each Redis does not come back from for minutes (5 in a run of 20), where the run is long enough for it. */
function longOutages(random: Random, length: number): Fault[] {
  if (length < 900_000) return [];
  const ms = Math.round(Math.min(300_000, length / 4));
  const outage = (redis: RedisName, from: number, to: number): Fault => {
    return { at: Math.round(random.between(from, to) * length), kind: 'outage', redis, ms, wiped: false };
  };
  return [outage('queue', 0.2, 0.4), outage('cache', 0.4, 0.6)];
}

export function describeFault({ at, kind, ...rest }: Fault): string {
  const details = Object.entries(rest).map(([name, value]) => {
    const number = typeof value === 'number' && !Number.isInteger(value);
    return `${name}=${number ? value.toFixed(3) : value}`;
  });
  return `${(at / 1000).toFixed(3).padStart(9)} s  ${kind.padEnd(14)} ${details.join(' ')}`.trimEnd();
}

/** What the nemesis did, as far as it has to be taken into account. */
export interface Deeds {
  /** By kind; one that met nobody is not counted. */
  counts: Map<string, number>;
  missed: number;
  /** Jobs whose engine was killed, or whose scratch folder was removed. */
  enginesKilled: Set<string>;
  scratchRemoved: Set<string>;
  /** Epoch ms. */
  times: { from: number; to: number }[];
}

/** Carries the plan out. Resolves when the last fault is over, or soon after the signal aborts. */
export async function rage(harness: Harness, plan: Fault[], signal: AbortSignal): Promise<Deeds> {
  const deeds: Deeds = {
    counts: new Map(),
    missed: 0,
    enginesKilled: new Set(),
    scratchRemoved: new Set(),
    times: [],
  };
  const startedAt = Date.now();
  const running: Promise<void>[] = [];
  for (const fault of plan) {
    await pause(startedAt + fault.at - Date.now(), signal);
    if (signal.aborted) break;
    running.push(carryOut(fault));
  }
  await Promise.all(running);
  return deeds;

  async function carryOut(fault: Fault) {
    const from = Date.now();
    const done = await strike(fault);
    if (fault.kind === 'arm') return;
    if (done) deeds.times.push({ from, to: Date.now() });
    if (done) deeds.counts.set(nameOf(fault), (deeds.counts.get(nameOf(fault)) ?? 0) + 1);
    else deeds.missed += 1;
  }

  async function strike(fault: Fault): Promise<boolean> {
    switch (fault.kind) {
      case 'kill':
        return harness.signal(await pidOf(fault.target), 'SIGKILL', fault.target);
      case 'term':
        return harness.signal(await pidOf(fault.target), 'SIGTERM', fault.target);
      case 'freeze':
        return harness.freeze(await pidOf(fault.target), fault.ms, fault.then, fault.target);
      case 'kill-engine': {
        const engine = await findEngine(fault.pick);
        if (engine?.job) deeds.enginesKilled.add(engine.job);
        return harness.signal(engine?.pid, 'SIGKILL', `engine of ${engine?.job}`);
      }
      case 'freeze-engine': {
        const engine = await findEngine(fault.pick);
        if (engine?.job && fault.then === 'kill') deeds.enginesKilled.add(engine.job);
        return harness.freeze(engine?.pid, fault.ms, fault.then, `engine of ${engine?.job}`);
      }
      case 'outage':
        return harness.redis[fault.redis].outage(fault.ms, fault.wiped);
      case 'freeze-redis':
        return harness.redis[fault.redis].freeze(fault.ms);
      case 'flush-cache':
        return harness.redis.cache.flush();
      case 'remove-scratch':
        return removeScratch(fault.pick);
      case 'arm':
        await harness.arm(fault.point, fault);
        return true;
    }
  }

  async function pidOf(target: Process): Promise<number | undefined> {
    return target === 'forked' ? (await harness.forked())[0]?.pid : harness.pid(target);
  }

  /** Looks for a while: between two jobs none runs. */
  async function findEngine(pick: number) {
    for (let look = 0; look < 20 && !signal.aborted; look += 1) {
      const engines = await harness.engines();
      if (engines.length > 0) return engines[Math.floor(pick * engines.length)];
      await pause(100, signal);
    }
    return undefined;
  }

  async function removeScratch(pick: number): Promise<boolean> {
    const scratch = join(harness.paths.data, 'scratch');
    const jobs = (await readdir(scratch)).filter((name) => !name.startsWith('upload'));
    const job = jobs[Math.floor(pick * jobs.length)];
    if (job === undefined) return false;
    deeds.scratchRemoved.add(job);
    harness.note(`scratch/${job} removed`);
    // Its owner may be writing into it at this moment; what matters is that most of it goes.
    await rm(join(scratch, job), { recursive: true, force: true }).catch(() => undefined);
    return true;
  }
}

function nameOf(fault: Fault): string {
  if ('target' in fault) return `${fault.kind} ${fault.target.replace(/-\d$/, '')}`;
  if (fault.kind === 'outage') return `${fault.wiped ? 'loss' : 'outage'} of ${fault.redis} Redis`;
  return 'redis' in fault ? `freeze ${fault.redis} Redis` : fault.kind;
}
