import type { JobError } from '../../../shared/jobs.ts';
import { startProgram, type Command, type Exit } from '../../../shared/process.ts';
import { keptLines } from '../engine.ts';
import { cannotStart, explainFailure } from './failure.ts';

/** So long after a cancel may a runner still be busy with the job; then it is killed. */
const graceMs = 5_000;

/** What the device of a runner is. */
export interface Device {
  device: 'cuda' | 'mps' | 'cpu';
  device_name: string | null;
  memory_bytes: number;
}

/** What runner.py says; its docstring is the contract. */
export type RunnerEvent =
  | { event: 'refused'; unsupported: boolean; error: string }
  | ({ event: 'ready' } & Device)
  | { event: 'output'; line: string }
  | { event: 'loading' }
  | { event: 'loaded' }
  | { event: 'stage'; title: string; length?: number }
  | { event: 'window'; done: number; total: number }
  | { event: 'done'; seconds: { loading: number; generating: number }; resident_bytes: number }
  | { event: 'cancelled' }
  | { event: 'failed'; error: string };

export interface RunnerJob {
  run: string;
  /** Where temporary files go. */
  folder: string;
  config: string;
  args: Record<string, unknown>;
}

/** How a job ended, or the runner under it. */
export type JobEnd = Extract<RunnerEvent, { event: 'done' | 'cancelled' | 'failed' }> | EndedRunner;

export interface EndedRunner {
  event: 'exit';
  exit: Exit;
  lastLines: string[];
}

export type Refusal = Extract<RunnerEvent, { event: 'refused' }>;

export type Runner = ReturnType<typeof startRunner>;

/** Starts a warm runner. It takes one job at a time, once it is ready; one that is not after `startMs` counts as refused. */
export function startRunner(command: Command, log: (line: string) => void, startMs = 5 * 60_000) {
  const lastLines: string[] = [];
  const logged = (event: RunnerEvent) => void (event.event === 'output' && log(event.line));
  let listener = logged;
  const receive = (event: RunnerEvent) => {
    if (event.event === 'output') {
      lastLines.push(event.line);
      if (lastLines.length > keptLines) lastLines.shift();
    }
    listener(event);
  };
  const program = startProgram(
    command,
    (text) => receive(parse(text)),
    (line) => receive({ event: 'output', line }),
  );
  const ended = program.exit.then(
    (exit): EndedRunner => ({ event: 'exit', exit, lastLines }),
    (error: unknown): EndedRunner => ({
      event: 'exit',
      exit: { code: cannotStart, signal: null },
      lastLines: [`The runner cannot be started: ${String(error)}`],
    }),
  );

  /** The first event that `choose` takes, or the end of the process. */
  function until<T>(choose: (event: RunnerEvent) => T | null): Promise<T | EndedRunner> {
    return new Promise((resolve) => {
      listener = (event) => {
        const chosen = choose(event);
        if (chosen === null) return;
        listener = logged;
        resolve(chosen);
      };
      void ended.then(resolve);
    });
  }

  const first = until((event) => {
    logged(event);
    return event.event === 'ready' || event.event === 'refused' ? event : null;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Refusal>((resolve) => {
    const error = `DeviceUnavailable: the runner was not ready after ${startMs / 1000} s`;
    timer = setTimeout(() => resolve({ event: 'refused', unsupported: false, error }), startMs).unref();
  });
  const ready = Promise.race([first, late]).finally(() => clearTimeout(timer));

  return {
    /** What it says first. */
    ready,
    ended,
    kill: program.kill,
    /** Runs one job; when the signal aborts it is cancelled, and the runner is killed 5 s later if that did not end it. */
    async run(job: RunnerJob, onEvent: (event: RunnerEvent) => void, signal: AbortSignal): Promise<JobEnd> {
      lastLines.length = 0; // what another job said explains nothing
      let killer: NodeJS.Timeout | undefined;
      const cancel = () => {
        program.send(JSON.stringify({ cancel: job.run }));
        killer = setTimeout(program.kill, graceMs);
      };
      const end = until((event) => {
        onEvent(event);
        return event.event === 'done' || event.event === 'cancelled' || event.event === 'failed' ? event : null;
      });
      program.send(JSON.stringify(job));
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
      return end.finally(() => {
        clearTimeout(killer);
        signal.removeEventListener('abort', cancel);
      });
    },
  };
}

/** Why there is no map, or no runner. */
export function errorOf(end: Refusal | JobEnd): JobError {
  if (end.event === 'exit') return { ...explainFailure(end.lastLines, end.exit), exitCode: end.exit.code };
  if (end.event === 'refused' || end.event === 'failed') {
    return explainFailure([`Failed: ${end.error}`], { code: 1, signal: null });
  }
  return { code: 'cancelled', detail: 'The runner stopped as asked.' };
}

const events = new Set<unknown>('refused ready output loading loaded stage window done cancelled failed'.split(' '));

/** A program that is not ours, where PYTHON names one, says what it likes. */
function parse(line: string): RunnerEvent {
  try {
    const value = JSON.parse(line) as Record<string, unknown> | null;
    const isEvent =
      events.has(value?.['event']) && (value?.['event'] !== 'output' || typeof value['line'] === 'string');
    if (isEvent) return value as unknown as RunnerEvent;
  } catch {
    // not JSON
  }
  return { event: 'output', line };
}
