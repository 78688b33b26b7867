import type { JobError } from '../../../shared/jobs.ts';
import type { Log } from '../../../shared/log.ts';
import type { Command } from '../../../shared/process.ts';
import type { DeviceReport } from '../../../shared/queue.ts';
import { explainFailure } from './failure.ts';
import {
  startRunner,
  type Device,
  type EndedRunner,
  type JobEnd,
  type Refusal,
  type Runner,
  type RunnerEvent,
  type RunnerJob,
} from './runner.ts';

/** When a runner is replaced though it still works. */
export interface Wear {
  /** After so many jobs. */
  jobs: number;
  /** When its memory has grown by so many bytes since its first job. */
  bytes: number;
}

export const usualWear: Wear = { jobs: 200, bytes: 4 * 1024 ** 3 };

/** How long a device is left alone that could not be used. */
const againMs = 30_000;

/** Errors that come from the request or the song and leave a runner as it was. */
const harmless = new Set(['no_beat_found', 'invalid_audio', 'invalid_parameter', 'model_missing']);
/** Errors for which what a runner did before may be to blame, so that a fresh one may do better. */
const maybeInherited = new Set(['model_oom', 'device_unavailable']);

interface Slot {
  /** A value of CUDA_VISIBLE_DEVICES; null leaves the choice to the program. */
  gpu: string | null;
  /** `cold`: the checkout cannot be kept warm, each job is a process of its own. */
  state: 'starting' | 'ready' | 'cold' | 'failed';
  error?: JobError;
  device?: Device;
  model: string | null;
  runner: Runner | null;
  /** When `state` says more than `starting`. */
  settled: Promise<void>;
  busy: boolean;
  jobs: number;
  firstBytes: number;
}

export interface PooledJob {
  job: RunnerJob;
  onEvent: (event: RunnerEvent) => void;
  /** Runs it as a process of its own. */
  runCold: (gpu: string | null) => Promise<JobError | null>;
}

interface Options {
  gpus: (string | null)[];
  /** How a runner is started on a GPU, with a model that it loads at once. */
  launch: (gpu: string | null, model: string | null) => Command;
  model: string | null;
  wear: Wear;
  onChange: () => void;
  log: Log;
}

export type Pool = ReturnType<typeof createPool>;

/** One warm runner per slot. A runner that ends, wears out or was tainted by an error is replaced at once, before the next job needs it. */
export function createPool({ gpus, launch, model, wear, onChange, log }: Options) {
  let closed = false;
  const waiting: (() => void)[] = [];
  const slots = gpus.map((gpu) => {
    const slot: Slot = {
      gpu,
      state: 'starting',
      model,
      runner: null,
      settled: Promise.resolve(),
      busy: false,
      jobs: 0,
      firstBytes: 0,
    };
    start(slot);
    return slot;
  });

  function start(slot: Slot) {
    const runner = startRunner(launch(slot.gpu, slot.model), (line) => log.debug({ gpu: slot.gpu }, line));
    Object.assign(slot, { runner, state: 'starting', jobs: 0 });
    slot.settled = runner.ready.then((said) => {
      if (!closed) settle(slot, said);
    });
    void runner.ended.then(() => {
      if (closed || slot.runner !== runner || slot.state !== 'ready' || slot.busy) return;
      log.warn({ gpu: slot.gpu }, 'The runner ended while it was idle; another is started.');
      start(slot);
    });
  }

  function settle(slot: Slot, said: Refusal | EndedRunner | ({ event: 'ready' } & Device)) {
    const { gpu } = slot;
    if (said.event === 'ready') {
      const { event: _, ...device } = said;
      slot.device = device;
      slot.state = 'ready';
      delete slot.error;
      log.info({ gpu, ...device, model: slot.model }, 'The runner is ready.');
    } else if (said.event === 'refused' && said.unsupported) {
      slot.state = 'cold';
      log.warn({ gpu, reason: said.error }, 'This checkout cannot be kept warm: each job loads its model anew.');
    } else {
      slot.state = 'failed';
      slot.error = errorOf(said);
      log.error({ gpu, ...slot.error }, 'The runner cannot be started; it is tried again in 30 s.');
      setTimeout(() => closed || start(slot), againMs).unref();
    }
    onChange();
  }

  function replace(slot: Slot, reason: string) {
    log.info({ gpu: slot.gpu, jobs: slot.jobs, reason }, 'The runner is replaced.');
    const { runner } = slot;
    slot.runner = null;
    runner?.kill();
    start(slot);
  }

  /** A free slot, one that has failed only where there is no other; null when the signal aborts first. */
  async function take(signal: AbortSignal): Promise<Slot | null> {
    while (!signal.aborted) {
      const free = slots.filter((slot) => !slot.busy);
      const slot = free.find(({ state }) => state !== 'failed') ?? (free.length === slots.length ? free[0] : undefined);
      if (slot) {
        slot.busy = true;
        return slot;
      }
      await orAborted(new Promise<void>((resolve) => waiting.push(resolve)), signal);
    }
    return null;
  }

  async function run(pooled: PooledJob, signal: AbortSignal): Promise<JobError | null> {
    const slot = await take(signal);
    if (!slot) return stopped;
    try {
      return await runOn(slot, pooled, signal);
    } finally {
      slot.busy = false;
      waiting.splice(0).forEach((resume) => resume());
    }
  }

  async function runOn(slot: Slot, pooled: PooledJob, signal: AbortSignal): Promise<JobError | null> {
    const { job, onEvent, runCold } = pooled;
    await orAborted(slot.settled, signal);
    if (signal.aborted) return stopped;
    if (slot.state === 'cold') return runCold(slot.gpu);
    if (slot.state !== 'ready' || !slot.runner) return slot.error ?? { code: 'engine_failed', detail: 'No runner.' };

    const isFresh = slot.jobs === 0;
    slot.jobs += 1;
    slot.model = job.config;
    const end = await slot.runner.run(job, onEvent, signal);
    if (end.event === 'done') {
      if (isFresh) slot.firstBytes = end.resident_bytes;
      const worn = wornBy(slot, end.resident_bytes);
      if (worn !== null) replace(slot, worn);
      return null;
    }
    const error = errorOf(end);
    if (end.event === 'cancelled' || (end.event === 'failed' && harmless.has(error.code))) return error;
    replace(slot, `${error.code}: ${error.detail}`);
    if (isFresh || signal.aborted || !maybeInherited.has(error.code)) return error;
    onEvent({ event: 'output', line: `${error.detail} The job is tried again in a new process.` });
    return runOn(slot, pooled, signal);
  }

  function wornBy(slot: Slot, residentBytes: number): string | null {
    if (slot.jobs >= wear.jobs) return `it has served ${slot.jobs} jobs`;
    const grown = residentBytes - slot.firstBytes;
    return grown > wear.bytes ? `its memory has grown by ${Math.round(grown / 1024 ** 2)} MiB` : null;
  }

  return {
    run,
    /** Jobs that can run at once now. */
    capacity: () => slots.filter(({ state }) => state !== 'failed').length,
    report: (): DeviceReport[] =>
      slots.map(({ gpu, state, model: last, device, error }) => ({
        slot: gpu ?? 'auto',
        state,
        model: last,
        ...device,
        ...(error ? { code: error.code, detail: error.detail } : {}),
      })),
    close() {
      closed = true;
      for (const { runner } of slots) runner?.kill();
    },
  };
}

const stopped: JobError = { code: 'cancelled', detail: 'The job was stopped before it began.' };

async function orAborted(event: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let onAbort = () => undefined as void;
  const aborted = new Promise<void>((resolve) => {
    onAbort = () => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  await Promise.race([event, aborted]);
  signal.removeEventListener('abort', onAbort);
}

function errorOf(end: Refusal | JobEnd): JobError {
  if (end.event === 'exit') return { ...explainFailure(end.lastLines, end.exit), exitCode: end.exit.code };
  if (end.event === 'refused' || end.event === 'failed') {
    return explainFailure([`Failed: ${end.error}`], { code: 1, signal: null });
  }
  return { code: 'cancelled', detail: 'The runner stopped as asked.' };
}
