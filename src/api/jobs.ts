import { Router, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import { readAttempts, readClaim } from '../shared/claim.ts';
import type { Config } from '../shared/config.ts';
import { readEvents, startedAt } from '../shared/events.ts';
import { isJobId, type JobRecord, type Jobs } from '../shared/jobs.ts';
import { fieldProblems, type FieldProblem } from '../shared/problems.ts';
import type { Queues } from '../shared/queue.ts';
import { isFinal, seedStatus } from '../shared/states.ts';
import type { Access } from './access.ts';
import type { Estimator } from './eta.ts';
import type { Handover } from './handover.ts';
import { readMetadata, readProgress, recordView, statusView } from './job-view.ts';
import { filesOf } from './results.ts';
import type { OutputLists } from './watcher.ts';

interface Deps {
  config: Config;
  access: Access;
  jobs: Jobs;
  cache: Cache;
  lists: OutputLists;
  handover: Handover;
  estimator: Estimator;
  queues: Queues | null;
}

type JobAddress = Request<{ id: string }>;
const listedByDefault = 100;
const listedAtMost = 1000;

/** The routes of a job. Each reads the record on disk; the cache only spares work. */
export function jobRoutes({ config, access, jobs, cache, lists, handover, estimator, queues }: Deps): Router {
  const { retentionMs } = config;

  async function show(req: JobAddress, res: Response) {
    const { record, share } = await access.findSeen(req);
    const [progress, files, estimate] = await Promise.all([
      readProgress({ jobs, cache }, record),
      filesOf(lists, record),
      estimator.estimate(record),
    ]);
    res.json(await recordView(jobs, record, { progress, files, share, retentionMs, estimate }));
  }

  async function status(req: JobAddress, res: Response) {
    const { record } = await access.findSeen(req);
    const [progress, files] = await Promise.all([readProgress({ jobs, cache }, record), filesOf(lists, record)]);
    res.json(statusView(record, progress, files));
  }

  async function progress(req: JobAddress, res: Response) {
    const { record } = await access.findSeen(req);
    const { progress, stage, estimated, last_update } = await readProgress({ jobs, cache }, record);
    const { state } = record;
    res.json({ job_id: record.request.id, progress, stage, estimated, last_update, status: seedStatus(state), state });
  }

  /** Newest first; `?limit=` up to 1000, `?before=<job id>` for the page after. */
  async function list(req: Request, res: Response) {
    const { limit, before } = askedPage(req.query);
    const client = access.clientOf(req);
    const ids = (await jobs.ids()).filter((id) => before === '' || id < before);
    const page: JobRecord[] = [];
    let next: string | null = null;
    for (const id of ids) {
      if (page.length === limit) {
        next = `/jobs?limit=${limit}&before=${page.at(-1)?.request.id}`;
        break;
      }
      const record = await jobs.read(id).catch(() => null); // one that cannot be read hides no other
      if (record && access.mayUse(client, record)) page.push(record);
    }
    res.json({ jobs: page.map(listEntry), next });
  }

  async function cancel(req: JobAddress, res: Response) {
    const { request, state } = await access.findOwn(req);
    const granted = !isFinal(state) && (await handover.cancel(request));
    const after = await access.findOwn(req);
    if (after.state !== 'cancelled' && (!granted || isFinal(after.state))) {
      res.json({ status: 'already_finished', message: '任务已完成', state: after.state });
      return;
    }
    const known = isFinal(state) ? 'already_finished' : 'cancelled';
    res.json({ status: known, message: '任务已取消', state: after.state });
  }

  /** For operators: the seed's fields, then who ran it, where the queue has it, and what the cache has of it. */
  async function debug(req: JobAddress, res: Response) {
    const record = await access.findOwn(req);
    const { id, createdAt, engine } = record.request;
    const events = await readEvents(jobs.events(id));
    const lines = events.flatMap(({ event }) => (event.type === 'output' ? [`${event.line}\n`] : []));
    const started = startedAt(events);
    const families = ['job_progress', 'job_metadata', 'output_files'] as const;
    const [queueState, [progressCached, metadataCached, filesCached], progress, metadata] = await Promise.all([
      queues?.ready() ? queues.stateOf(engine, id).catch(() => null) : null,
      Promise.all(families.map(async (family) => (await cache.get(family, id)) !== null)),
      readProgress({ jobs, cache }, record),
      readMetadata({ jobs, cache }, record),
    ]);
    const end = record.outcome?.finishedAt ?? Date.now();
    res.json({
      job_id: id,
      recent_outputs: lines.slice(-20),
      progress_info: progress,
      total_output_lines: lines.length,
      start_time: (started ?? createdAt) / 1000,
      elapsed_time: started === undefined ? 0 : (end - started) / 1000,
      is_active: !isFinal(record.state),
      cache_status: { progress_cached: progressCached, metadata_cached: metadataCached, files_cached: filesCached },
      state: record.state,
      metadata,
      cache_mode: cache.mode(),
      queue_state: queueState,
      claim: record.outcome ? null : await readClaim(jobs.folder(id)),
      attempts: (await readAttempts(jobs.folder(id))).map((attempt) =>
        attempt.attempt === record.outcome?.attempt ? { ...attempt, state: 'ended' } : attempt,
      ),
      events: events.length,
    });
  }

  return Router()
    .get('/jobs', list)
    .get('/jobs/:id', show)
    .get('/jobs/:id/status', status)
    .get('/jobs/:id/progress', progress)
    .get('/jobs/:id/debug', debug)
    .post('/jobs/:id/cancel', cancel);
}

/** An empty value counts as left out, as with the fields of a submit. Throws a Problem that names what cannot be read. */
function askedPage(query: Request['query']) {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)); // what is sent twice is a list
  const limit = text(query['limit'] ?? '');
  const before = text(query['before'] ?? '');
  const errors: FieldProblem[] = [];
  const refuse = (field: string, detail: string) => errors.push({ field, code: 'invalid_value', detail });
  if (!/^([1-9]\d*)?$/.test(limit)) refuse('limit', 'must be a whole number, 1 or more');
  if (before !== '' && !isJobId(before)) refuse('before', 'must be the id of a job');
  if (errors.length > 0) throw fieldProblems(errors);
  return { limit: Math.min(listedAtMost, Number(limit) || listedByDefault), before };
}

/** `pid` is there for the seed's clients; a process number of ours would mean nothing to them. */
function listEntry({ request, state }: JobRecord) {
  return {
    job_id: request.id,
    status: seedStatus(state),
    audio_filename: request.audio.filename,
    start_time: request.createdAt / 1000,
    pid: null,
    state,
    engine: request.engine,
    model: request.model,
  };
}
