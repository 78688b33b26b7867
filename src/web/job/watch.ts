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

export const isOver = (state: State): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'timed_out' || state === 'expired';

export type Watch = ReturnType<typeof watchJob>;

/**
 * Follows one job until it has ended. The record is what the service said last; between two records the stream moves state, stage,
 * percent and log. A lost connection is a delay: the stream is opened again after the last line that was seen, so no line is
 * missed or shown twice. `close` ends it.
 */
export function watchJob(id: string, share: string | null) {
  const record = signal<JobRecord | null>(null);
  const lines = signal<LogLine[]>([]);
  const connection = signal<'connecting' | 'live' | 'lost' | 'over'>('connecting');
  /** Why nothing can be shown at all. */
  const failure = signal<ServiceError | null>(null);
  let stream: EventSource | null = null;
  let lastId = 0;
  let tries = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pending: LogLine[] = [];

  const change = (part: Partial<JobRecord>) => {
    if (record.value) record.value = { ...record.value, ...part };
  };

  async function refresh(): Promise<void> {
    try {
      const next = await ask<JobRecord>('GET', jobPath(id, '', share));
      if (closed) return;
      batch(() => {
        record.value = next;
        failure.value = null;
        if (isOver(next.state)) connection.value = 'over';
      });
    } catch (error) {
      const problem = asServiceError(error);
      if (closed) return;
      // A job that is shown stays shown: an API that restarts is no failure of the job.
      if (record.value && problem.code !== 'job_not_found') return again();
      failure.value = problem;
      if (problem.code === 'network' || problem.code === 'unexpected_answer') again();
    }
  }

  function again() {
    stream?.close();
    stream = null;
    if (closed || connection.value === 'over') return;
    connection.value = 'lost';
    clearTimeout(timer);
    timer = setTimeout(() => void open(), waits[Math.min(tries, waits.length - 1)]);
    tries += 1;
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
    if (!record.value) await refresh();
    if (closed || !record.value || stream) return;
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
    const end = () => {
      source.close();
      void refresh(); // which comes back here, by way of a new stream, where it gets no answer
    };
    on('completed', end);
    on('failed', end);
    source.onerror = (event) => {
      if (event instanceof MessageEvent) void refresh(); // the service's own word for "no such job"
      if (connection.value !== 'over' && stream === source) again();
    };
  }

  const reopen = () => {
    if (connection.value === 'over' || closed) return;
    tries = 0;
    again();
  };
  let lastTick = Date.now();
  const clock = setInterval(() => {
    if (Date.now() - lastTick > sleptMs) reopen();
    lastTick = Date.now();
  }, 2000);
  addEventListener('online', reopen);
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
    },
  };
}
