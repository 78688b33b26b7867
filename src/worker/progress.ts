import type { Cache } from '../shared/cache.ts';
import { appendEvents, mendLog, type JobEvent } from '../shared/events.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';

/** At most this often is progress written to the cache and the log: five times a second. */
const everyMs = 200;
/** An engine that floods its output does not fill the disk. */
const maxOutputLines = 20_000;
const maxLineLength = 2_000;

export interface Progress {
  percent: number;
  stage: string;
}

interface Deps {
  id: string;
  log: Log;
  cache: Cache;
  jobs: Jobs;
  from: number;
  /** Whether the job is still this attempt's and has no end. */
  isOurs: () => Promise<boolean>;
}

export type ProgressReporter = ReturnType<typeof createProgressReporter>;

/**
 * Turns what one attempt says into one monotonic progress, in `job_progress:<id>` and in the event log. `from` is where
 * an earlier attempt got to: a viewer never sees the percentage fall. An attempt that was thought dead, and wakes when the job
 * is another's or has ended, says nothing more.
 */
export function createProgressReporter(deps: Deps) {
  const { id, log, cache, jobs, isOurs } = deps;
  let current: Progress = { percent: deps.from, stage: 'started' };
  let written: Progress = { percent: -1, stage: '' };
  let timer: NodeJS.Timeout | undefined;
  let lines = 0;
  let pending: JobEvent[] = [];
  let writing: Promise<void> | null = null;
  let failed = false;

  function push(event: JobEvent) {
    pending.push(event);
    writing ??= writePending().finally(() => (writing = null));
  }

  /** On a full disk the events wait for the next one; half of a line is closed before they are written again. */
  async function writePending() {
    while (pending.length > 0) {
      const events = pending;
      pending = [];
      try {
        if (!(await isOurs())) return;
        await show(events);
        if (failed) await mendLog(jobs.events(id));
        await appendEvents(jobs.events(id), events);
        failed = false;
      } catch (error) {
        if (!failed) log.error({ jobId: id, err: error }, 'The event log cannot be written; it is tried again.');
        failed = true;
        pending = [...events, ...pending].slice(0, maxOutputLines);
        return;
      }
    }
  }

  /** In the cache: the last progress among these events. */
  async function show(events: JobEvent[]) {
    const last = events.findLast(({ type }) => type === 'progress');
    if (last?.type !== 'progress') return;
    const { progress, stage, estimated, at } = last;
    await cache.set('job_progress', id, { progress, stage, last_update: at / 1000, estimated });
  }

  function write() {
    clearTimeout(timer);
    timer = undefined;
    if (current.percent === written.percent && current.stage === written.stage) return;
    written = current;
    const progress = Math.round(current.percent * 10) / 10;
    push({ at: Date.now(), type: 'progress', progress, stage: current.stage, estimated: false });
  }

  return {
    event: push,
    output(line: string) {
      lines += 1;
      if (lines > maxOutputLines) return;
      const shown = lines === maxOutputLines ? '… the rest of the output is left out' : line.slice(0, maxLineLength);
      push({ at: Date.now(), type: 'output', line: shown.trimEnd() });
    },
    /** Percent is capped below 100: that is reached by the checked result only. */
    advance({ percent, stage }: Progress) {
      current = { percent: Math.min(99.9, Math.max(current.percent, percent)), stage };
      timer ??= setTimeout(write, everyMs);
    },
    stage: () => current.stage,
    /** Writes what is still held back. */
    async close() {
      if (timer) write();
      await writing;
      await writePending();
    },
  };
}
