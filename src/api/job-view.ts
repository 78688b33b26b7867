import type { Cache, CachedProgress } from '../shared/cache.ts';
import { readEvents } from '../shared/events.ts';
import type { JobRecord, Jobs, Outcome } from '../shared/jobs.ts';
import { isFinal, seedStatus, type State } from '../shared/states.ts';

/** Where a job's answers are. */
export function jobLinks(id: string) {
  const self = `/jobs/${id}`;
  const parts = ['status', 'progress', 'stream', 'files', 'download', 'cancel'] as const;
  return { self, ...Object.fromEntries(parts.map((part) => [part, `${self}/${part}`])) };
}

/** Progress of a job: from the cache, else from its record. Always agrees with the record's state. */
export async function readProgress(jobs: Jobs, cache: Cache, record: JobRecord): Promise<CachedProgress> {
  const { request, state, outcome } = record;
  const cached = await cache.get('job_progress', request.id);
  if (!isFinal(state)) {
    if (cached && cached.completed_at === undefined) return cached;
    return { ...(await lastProgress(jobs, request.id)), estimated: false };
  }
  if (cached?.completed_at !== undefined) return cached;
  const at = (outcome?.finishedAt ?? request.createdAt) / 1000;
  const { progress } = state === 'succeeded' ? { progress: 100 } : await lastProgress(jobs, request.id);
  const stage = state === 'succeeded' ? 'completed' : 'failed';
  const rebuilt = { progress, stage, last_update: at, estimated: false, completed_at: at };
  await cache.set('job_progress', request.id, rebuilt);
  return rebuilt;
}

async function lastProgress(jobs: Jobs, id: string) {
  const events = await readEvents(jobs.events(id));
  const last = events.findLast(({ event }) => event.type === 'progress')?.event;
  if (last?.type === 'progress') return { progress: last.progress, stage: last.stage, last_update: last.at / 1000 };
  return { progress: 0, stage: 'queued', last_update: (events.at(-1)?.event.at ?? 0) / 1000 };
}

/** Why a job did not succeed, in a sentence; null while it is open or when it did. */
export function errorText(state: State, outcome: Outcome | null): string | null {
  if (outcome?.error) return outcome.error.detail;
  if (state === 'cancelled') return '任务已取消 (cancelled)';
  if (state === 'timed_out') return '任务超时 (timed out)';
  if (state === 'expired') return '结果已过期 (the files have been removed)';
  return null;
}

/** The seed's `/status` answer, with `state`. */
export function statusView(record: JobRecord, progress: CachedProgress, files: string[]) {
  const status = seedStatus(record.state);
  const messages = {
    queued: '排队中... (queued)',
    running: `正在处理中... (${progress.stage})`,
    completed: '处理完成',
    failed: '处理失败',
  };
  return {
    job_id: record.request.id,
    status,
    message: messages[status],
    progress: progress.progress,
    output_files: status === 'completed' ? files : null,
    error: errorText(record.state, record.outcome),
    state: record.state,
  };
}

/** The full record as `GET /jobs/{id}` shows it. No path of the server is in it. */
export async function recordView(jobs: Jobs, record: JobRecord, progress: CachedProgress, files: string[]) {
  const { request, state, outcome } = record;
  const events = await readEvents(jobs.events(request.id));
  const reason = errorText(state, outcome);
  const started = events.find(({ event }) => event.type === 'state' && event.state === 'running');
  return {
    job_id: request.id,
    state,
    status: seedStatus(state),
    engine: request.engine,
    model: request.model,
    progress: progress.progress,
    stage: progress.stage,
    attempt: record.attempt,
    created_at: iso(request.createdAt),
    started_at: started ? iso(started.event.at) : null,
    finished_at: outcome ? iso(outcome.finishedAt) : null,
    audio: {
      filename: request.audio.filename,
      format: request.audio.format,
      bytes: request.audio.bytes,
      seconds: request.audio.seconds ?? null,
    },
    params: request.params,
    warnings: outcome?.warnings ?? request.warnings,
    report: outcome?.report ?? null,
    error: outcome?.error ?? (reason === null ? null : { code: state, detail: reason }),
    output_files: files,
    links: jobLinks(request.id),
  };
}

const iso = (epochMs: number) => new Date(epochMs).toISOString();
