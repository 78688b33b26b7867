import type { JobError } from '../../../shared/jobs.ts';
import type { Log } from '../../../shared/log.ts';
import type { Command } from '../../../shared/process.ts';
import type { DeviceReport } from '../../../shared/queue.ts';
import {
  errorOf,
  startRunner,
  type Device,
  type EndedRunner,
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

/** In milliseconds. */
export interface Patience {
  /** So long may a runner take until it is ready. */
  start: number;
  /** So long is a device left alone that could not be used. */
  again: number;
}

const usualPatience: Patience = { start: 5 * 60_000, again: 30_000 };

/** Errors that come from the request or the song and leave a runner as it was. */
const harmless = new Set(['no_beat_found', 'invalid_audio', 'invalid_parameter', 'model_missing', 'lora_unusable']);
/** Errors for which what a runner did before may be to blame, so that a fresh one may do better. */
const maybeInherited = new Set(['model_oom', 'device_unavailable']);

interface Slot {
  /** A value of CUDA_VISIBLE_DEVICES; null leaves the choice to the program. */
  gpu: string | null;
  /** `cold`: the checkout cannot be kept warm, each job is a process of its own. `failed` stays until a runner is ready. */
  state: 'starting' | 'ready' | 'cold' | 'failed';
  error?: JobError;
  device?: Device;
  /** The last one that was loaded: the next runner begins with it. */
  model: string | null;
  runner: Runner | null;
  /** When `state` says more than `starting`. */
  settled: Promise<void>;
  busy: boolean;
  jobs: number;
  firstBytes: number | null;
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
  patience?: Patience;
  onChange: () => void;
  log: Log;
}

/** One warm runner per slot. A runner that ends, wears out or was tainted by an error is replaced at once, before the next job needs it. */
export function createPool({ gpus, launch, model, wear, patience = usualPatience, onChange, log }: Options) {
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
      firstBytes: null,
    };
    start(slot);
    return slot;
  });

  function start(slot: Slot) {
    if (closed) return;
    const command = launch(slot.gpu, slot.model);
    const runner = startRunner(command, (line) => log.debug({ gpu: slot.gpu }, line), patience.start);
    Object.assign(slot, { runner, jobs: 0, firstBytes: null });
    if (slot.state !== 'failed') slot.state = 'starting';
    slot.settled = runner.ready.then((said) => {
      if (!closed) settle(slot, said);
    });
    void runner.ended.then((end) => {
      if (closed || slot.runner !== runner || slot.state !== 'ready' || slot.busy) return;
      // One that does not live until its first job would be started for ever.
      if (slot.jobs === 0) return settle(slot, end);
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
      delete slot.error;
      log.warn({ gpu, reason: said.error }, 'This checkout cannot be kept warm: each job loads its model anew.');
    } else {
      slot.state = 'failed';
      slot.error = errorOf(said);
      if (slot.error.code === 'model_missing') slot.model = null; // others may be there
      slot.runner?.kill();
      log.error({ gpu, ...slot.error }, `The runner cannot be used; another is tried in ${patience.again / 1000} s.`);
      setTimeout(() => start(slot), patience.again).unref();
    }
    onChange();
    wake();
  }

  function replace(slot: Slot, reason: string) {
    log.info({ gpu: slot.gpu, jobs: slot.jobs, reason }, 'The runner is replaced.');
    const { runner } = slot;
    slot.runner = null;
    runner?.kill();
    start(slot);
  }

  const wake = () => waiting.splice(0).forEach((resume) => resume());

  /** A free slot that is ready, one that has failed only where there is no other; null when the signal aborts first. */
  async function take(signal: AbortSignal): Promise<Slot | null> {
    while (!signal.aborted && !closed) {
      const free = slots.filter((slot) => !slot.busy);
      const isReady = ({ state }: Slot) => state === 'ready' || state === 'cold';
      const slot = free.find(isReady) ?? (slots.every(({ state }) => state === 'failed') ? free[0] : undefined);
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
      wake();
    }
  }

  async function runOn(slot: Slot, pooled: PooledJob, signal: AbortSignal, isAgain = false): Promise<JobError | null> {
    const { job, onEvent, runCold } = pooled;
    await orAborted(slot.settled, signal);
    if (signal.aborted) return stopped;
    if (slot.state === 'cold') return runCold(slot.gpu);
    if (slot.state !== 'ready' || !slot.runner) return slot.error ?? { code: 'engine_failed', detail: 'No runner.' };

    const isFresh = slot.jobs === 0;
    let hasBegun = false;
    slot.jobs += 1;
    const heard = (event: RunnerEvent) => {
      hasBegun = true;
      if (event.event === 'loaded') slot.model = job.config;
      onEvent(event);
    };
    const end = await slot.runner.run(job, heard, signal);
    if (end.event === 'done') {
      slot.firstBytes ??= end.resident_bytes;
      const worn = wornBy(slot, slot.firstBytes, end.resident_bytes);
      if (worn !== null) replace(slot, worn);
      return null;
    }
    const error = errorOf(end);
    if (end.event === 'cancelled' || (end.event === 'failed' && harmless.has(error.code))) return error;
    replace(slot, `${error.code}: ${error.detail}`);
    const isInherited = !isFresh && maybeInherited.has(error.code);
    const diedBefore = end.event === 'exit' && !hasBegun;
    if (isAgain || signal.aborted || !(isInherited || diedBefore)) return error;
    onEvent({ event: 'output', line: `${error.detail} The job is tried again in a new process.` });
    return runOn(slot, pooled, signal, true);
  }

  function wornBy(slot: Slot, firstBytes: number, residentBytes: number): string | null {
    if (slot.jobs >= wear.jobs) return `it has served ${slot.jobs} jobs`;
    const grown = residentBytes - firstBytes;
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
      wake();
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
