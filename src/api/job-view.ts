import { finalProgress, metadataOf, type Cache, type CachedMetadata, type CachedProgress } from '../shared/cache.ts';
import { furthest, readEvents, startedAt } from '../shared/events.ts';
import type { Estimate, JobView } from '../shared/http.ts';
import { exists, type JobRecord, type Jobs, type Outcome } from '../shared/jobs.ts';
import type { ReferenceBeatmap } from '../shared/reference-beatmap.ts';
import { seedStatus, type State } from '../shared/states.ts';

/** Cache writes here are not waited for: none of them throws, and who asks has what it wants. */
interface Deps {
  jobs: Jobs;
  cache: Cache;
}

const shown = ['status', 'progress', 'stream', 'files', 'download', 'preview', 'audio'] as const;
const changing = ['cancel', 'retry', 'share'] as const;

/** Where a job's answers are; for whoever sees it by a share token those that it opens, with the token. */
export function jobLinks(id: string, share: string | null = null) {
  const query = share === null ? '' : `?share=${encodeURIComponent(share)}`;
  const parts = share === null ? [...shown, ...changing] : shown;
  const self = `/jobs/${id}`;
  return { self: self + query, ...Object.fromEntries(parts.map((part) => [part, `${self}/${part}${query}`])) };
}

/** The cache may be this far behind a log that it cannot be written beside: then the log is asked too. */
const freshSeconds = 5;

/** Progress of a job: from the cache, else from its record. Always agrees with the record's state. */
export async function readProgress(
  { jobs, cache }: Deps,
  { request, state, outcome }: JobRecord,
): Promise<CachedProgress> {
  const cached = await cache.get('job_progress', request.id);
  if (outcome) {
    if (cached?.completed_at !== undefined) return cached;
    const rebuilt = finalProgress(outcome, furthest(await readEvents(jobs.events(request.id))));
    void cache.set('job_progress', request.id, rebuilt);
    return rebuilt;
  }
  const believed = cached && cached.completed_at === undefined ? cached : null;
  if (believed && Date.now() / 1000 - believed.last_update < freshSeconds) return believed;
  const logged = await lastProgress(jobs, request.id);
  if (believed && believed.last_update >= logged.last_update) return believed;
  if (state === 'running') void cache.set('job_progress', request.id, logged);
  return logged;
}

async function lastProgress(jobs: Jobs, id: string): Promise<CachedProgress> {
  const events = await readEvents(jobs.events(id));
  const last = events.findLast(({ event }) => event.type === 'progress')?.event;
  if (last?.type === 'progress') {
    return { progress: last.progress, stage: last.stage, last_update: last.at / 1000, estimated: false };
  }
  return { progress: 0, stage: 'queued', last_update: (events.at(-1)?.event.at ?? 0) / 1000, estimated: false };
}

/** What a job was asked for: from the cache, else from its record. Null for a job that has not started. */
export async function readMetadata(
  { jobs, cache }: Deps,
  { request, outcome }: JobRecord,
): Promise<CachedMetadata | null> {
  const cached = await cache.get('job_metadata', request.id);
  if (cached && (cached.completed_at !== undefined) === (outcome !== null)) return cached;
  const started = startedAt(await readEvents(jobs.events(request.id)));
  if (started === undefined) return null;
  const rebuilt = metadataOf(request, started, outcome);
  void cache.set('job_metadata', request.id, rebuilt);
  return rebuilt;
}

/** Fills a cache that has come back, perhaps empty, with the jobs that run. The finished ones follow when somebody asks. */
export async function refill(deps: Deps): Promise<void> {
  await deps.jobs.prepare(); // somebody may have tidied up
  for (const id of await deps.jobs.unfinished()) {
    const record = await deps.jobs.read(id);
    if (record?.state !== 'running') continue;
    await readMetadata(deps, record);
    await readProgress(deps, record);
  }
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

/** What `GET /jobs/{id}` says beside the record. */
interface Beside {
  progress: CachedProgress;
  files: string[];
  /** The token that the job is seen by. */
  share: string | null;
  retentionMs: number;
  estimate: Estimate;
}

/** The full record as `GET /jobs/{id}` shows it. No path of the server is in it. */
export async function recordView(jobs: Jobs, record: JobRecord, beside: Beside): Promise<JobView> {
  const { progress, files, share, retentionMs, estimate } = beside;
  const { request, state, outcome } = record;
  const hasFiles = outcome?.state === 'succeeded';
  const events = await readEvents(jobs.events(request.id));
  const reason = errorText(state, outcome);
  const started = startedAt(events);
  return {
    job_id: request.id,
    state,
    status: seedStatus(state),
    engine: request.engine,
    model: request.model,
    progress: progress.progress,
    stage: progress.stage,
    queue: estimate.ahead === null ? null : { ahead: estimate.ahead },
    eta: estimate.eta,
    attempt: record.attempt,
    created_at: iso(request.createdAt),
    started_at: started === undefined ? null : iso(started),
    finished_at: outcome ? iso(outcome.finishedAt) : null,
    expires_at: hasFiles ? iso(outcome.finishedAt + retentionMs) : null,
    retry_of: request.retryOf ?? null,
    audio: {
      filename: request.audio.filename,
      format: request.audio.format,
      bytes: request.audio.bytes,
      seconds: request.audio.seconds ?? null,
    },
    reference: request.reference ? referenceView(request.reference) : null,
    params: request.params,
    warnings: outcome?.warnings ?? request.warnings,
    report: outcome?.report ?? null,
    error: outcome?.error ?? (reason === null ? null : { code: state, detail: reason }),
    output_files: files,
    has_preview: hasFiles && (await exists(jobs.preview(request.id, outcome.attempt))),
    read_only: share !== null,
    links: jobLinks(request.id, share),
  };
}

const referenceView = ({ filename, gamemode, objects, sha256, timing }: ReferenceBeatmap) => ({
  filename,
  gamemode,
  objects,
  sha256,
  timing_points: timing.length,
});

const iso = (epochMs: number) => new Date(epochMs).toISOString();
