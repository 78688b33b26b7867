import { batch, signal } from '@preact/signals';
import type { State } from '../../shared/states.ts';
import { asServiceError, ask, jobPath, type Eta, type JobRecord, type ServiceError } from '../service.ts';

/** So many lines of the log are kept in the page; the whole log stays with the service. */
export const keptLines = 500;

export interface LogLine {
  id: number;
  text: string;
}

/** Waits between tries to come back, ms; the last one for ever. */
const waits = [200, 500, 1000, 2000];
/** A timer that was late by more than this tells that the machine has slept: a stream from before may be dead without saying so. */
const sleptMs = 10_000;
/** How often a tab that nobody sees asks how its job is. */
const hiddenMs = 10_000;

export const isOver = (state: State): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'timed_out' || state === 'expired';

export type Watch = ReturnType<typeof watchJob>;

/**
 * Follows one job until it has ended. The record is what the service said last; between two records the stream moves state, stage,
 * percent and log. A lost connection is a delay: the stream is opened again after the last line that was seen, so no line is
 * missed or shown twice. A tab that nobody sees holds no stream, for a browser has six connections for all tabs of a site. `close` ends it.
 */
export function watchJob(id: string, share: string | null) {
  const record = signal<JobRecord | null>(null);
  const lines = signal<LogLine[]>([]);
  const connection = signal<'connecting' | 'live' | 'lost'>('connecting');
  /** Why nothing can be shown at all. */
  const failure = signal<ServiceError | null>(null);
  let stream: EventSource | null = null;
  let lastId = 0;
  let tries = 0;
  let closed = false;
  /** There is nothing more to hear: the log has been read to its end, or the job cannot be seen any more. */
  let done = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pending: LogLine[] = [];

  const change = (part: Partial<JobRecord>) => {
    if (record.value) record.value = { ...record.value, ...part };
  };

  /** Reads the record. False: it could not be had, and will be asked for again where that may help. */
  async function refresh(): Promise<boolean> {
    try {
      const next = await ask<JobRecord>('GET', jobPath(id, '', share));
      if (closed) return false;
      batch(() => {
        record.value = next;
        failure.value = null;
      });
      return true;
    } catch (error) {
      const problem = asServiceError(error);
      if (closed) return false;
      if (problem.code === 'job_not_found' || problem.code === 'unauthorized') leave(problem);
      // A job that is shown stays shown: an API that restarts is no failure of the job.
      else if (record.value) again();
      else {
        failure.value = problem;
        if (problem.code === 'network' || problem.code === 'unexpected_answer') again();
      }
      return false;
    }
  }

  /** The job was deleted, its link taken back, or its viewer signed out. */
  function leave(problem: ServiceError) {
    done = true;
    stream?.close();
    clearTimeout(timer);
    batch(() => {
      record.value = null;
      failure.value = problem;
    });
  }

  function again() {
    stream?.close();
    stream = null;
    if (closed || done) return;
    connection.value = 'lost';
    clearTimeout(timer);
    timer = setTimeout(() => void open(), waits[Math.min(tries, waits.length - 1)]);
    tries += 1;
  }

  function rest() {
    stream?.close();
    stream = null;
    clearTimeout(timer);
    if (!record.value || !isOver(record.value.state)) timer = setTimeout(() => void open(), hiddenMs);
  }

  /** Lines that come together are drawn together. */
  function show(line: LogLine) {
    if (line.id <= lastId) return;
    lastId = line.id;
    if (pending.length === 0) setTimeout(flush, 10);
    pending.push(line);
  }
  function flush() {
    lines.value = [...lines.value, ...pending].slice(-keptLines);
    pending = [];
  }

  async function open() {
    // After a loss the record says what the stream cannot: that the job is gone, or that its viewer is signed out.
    const isAsked = !record.value || connection.value === 'lost' || document.hidden;
    if (isAsked && !(await refresh())) return;
    if (closed || done || stream) return;
    if (document.hidden) return rest();
    const source = new EventSource(jobPath(id, 'stream', share, lastId > 0 ? { after: String(lastId) } : {}));
    stream = source;
    const on = (name: string, act: (data: string, eventId: number) => void) =>
      source.addEventListener(name, (event: MessageEvent<string>) => {
        act(event.data, Number(event.lastEventId) || 0);
        lastId = Math.max(lastId, Number(event.lastEventId) || 0);
      });
    on('snapshot', (data) => {
      const { state, progress } = JSON.parse(data) as Pick<JobRecord, 'state' | 'progress'>;
      tries = 0;
      connection.value = 'live';
      change({ state, progress });
    });
    on('output', (text, eventId) => show({ id: eventId, text }));
    on('state', (data) => {
      if (record.value && isOver(record.value.state)) return; // told again, from before the end
      const { state, attempt } = JSON.parse(data) as { state: State; attempt?: number };
      change({ state, ...(attempt === undefined ? {} : { attempt }), ...(state === 'queued' ? {} : { queue: null }) });
    });
    on('progress', (data) => {
      const { progress, stage } = JSON.parse(data) as Pick<JobRecord, 'progress' | 'stage'>;
      // What is told again after a reload is older than the record.
      change({ stage, progress: Math.max(progress, record.value?.progress ?? 0) });
    });
    on('estimate', (data) => {
      const { ahead, eta } = JSON.parse(data) as { ahead: number | null; eta: Eta | null };
      change({ queue: ahead === null ? null : { ahead }, eta });
    });
    on('warning', (data) => {
      const { detail } = JSON.parse(data) as { detail: string };
      const known = record.value?.warnings ?? [];
      if (!known.includes(detail)) change({ warnings: [...known, detail] });
    });
    const end = async () => {
      source.close();
      if (await refresh()) done = true; // without an answer it comes back here, by way of a new stream
    };
    on('completed', () => void end());
    on('failed', () => void end());
    source.onerror = () => {
      if (stream === source) again();
    };
  }

  const reopen = () => {
    if (closed || done) return;
    tries = 0;
    again();
  };
  const onVisibility = () => {
    if (closed || done) return;
    if (document.hidden) return rest();
    tries = 0;
    clearTimeout(timer);
    void open();
  };
  let lastTick = Date.now();
  const clock = setInterval(() => {
    if (Date.now() - lastTick > sleptMs) reopen();
    lastTick = Date.now();
  }, 2000);
  addEventListener('online', reopen);
  document.addEventListener('visibilitychange', onVisibility);
  void open();

  return {
    record,
    lines,
    connection,
    failure,
    refresh,
    change,
    close() {
      closed = true;
      stream?.close();
      clearTimeout(timer);
      clearInterval(clock);
      removeEventListener('online', reopen);
      document.removeEventListener('visibilitychange', onVisibility);
    },
  };
}
