import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Router, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import { readAttempts, readClaim } from '../shared/claim.ts';
import { readEvents, startedAt } from '../shared/events.ts';
import { isJobId, listOutputs, type JobRecord, type Jobs } from '../shared/jobs.ts';
import { fieldProblems, Problem, type FieldProblem } from '../shared/problems.ts';
import type { Queues } from '../shared/queue.ts';
import { isFinal, seedStatus } from '../shared/states.ts';
import type { Access } from './access.ts';
import type { Handover } from './handover.ts';
import { readMetadata, readProgress, recordView, statusView } from './job-view.ts';
import type { OutputLists } from './watcher.ts';

interface Deps {
  access: Access;
  jobs: Jobs;
  cache: Cache;
  lists: OutputLists;
  handover: Handover;
  queues: Queues | null;
}

type JobRequestParams = Request<{ id: string }>;
const listedByDefault = 100;
const listedAtMost = 1000;

/** The routes of a job. Each reads the record on disk; the cache only spares work. */
export function jobRoutes({ access, jobs, cache, lists, handover, queues }: Deps): Router {
  /** The record, if there is one and whoever asks may see it. */
  async function find(req: JobRequestParams): Promise<JobRecord> {
    const record = await jobs.read(req.params.id);
    if (!record || !access.mayUse(access.clientOf(req), record.request)) {
      throw new Problem('job_not_found', '任务不存在');
    }
    return record;
  }

  /** Files are those of a job that has succeeded: none before its end, and none of an attempt that was too late. */
  const filesOf = ({ request, state }: JobRecord) => (state === 'succeeded' ? lists.names(request.id) : []);

  async function show(req: JobRequestParams, res: Response) {
    const record = await find(req);
    const [progress, files] = await Promise.all([readProgress({ jobs, cache }, record), filesOf(record)]);
    res.json(await recordView(jobs, record, progress, files));
  }

  async function status(req: JobRequestParams, res: Response) {
    const record = await find(req);
    const [progress, files] = await Promise.all([readProgress({ jobs, cache }, record), filesOf(record)]);
    res.json(statusView(record, progress, files));
  }

  async function progress(req: JobRequestParams, res: Response) {
    const record = await find(req);
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
      if (record && access.mayUse(client, record.request)) page.push(record);
    }
    res.json({ jobs: page.map(listEntry), next });
  }

  async function files(req: JobRequestParams, res: Response) {
    const record = await find(req);
    const { request } = record;
    const names = await filesOf(record);
    const entries = await Promise.all(names.map((name) => fileEntry(jobs.outputs(request.id), request.id, name)));
    res.json({ files: entries.filter((entry) => entry !== null) });
  }

  /** One published file; without `?filename=` the first `.osz`, else the first file. */
  async function download(req: JobRequestParams, res: Response) {
    const { request, state } = await find(req);
    const names = state === 'succeeded' ? await listOutputs(jobs.outputs(request.id)) : [];
    const [first] = names;
    if (first === undefined) throw new Problem('file_not_found', '没有找到输出文件');
    const asked = typeof req.query['filename'] === 'string' ? req.query['filename'] : '';
    const name = asked === '' ? first : names.find((candidate) => candidate === asked);
    if (name === undefined) throw new Problem('file_not_found', `文件 ${asked} 不存在`);
    res.set({ 'content-type': 'application/octet-stream', 'content-disposition': contentDisposition(name) });
    await new Promise<void>((resolve, reject) => {
      res.sendFile(name, { root: jobs.outputs(request.id), dotfiles: 'allow', cacheControl: false }, (error) =>
        error && !res.headersSent ? reject(error) : resolve(),
      );
    });
  }

  async function cancel(req: JobRequestParams, res: Response) {
    const { request, state } = await find(req);
    const granted = !isFinal(state) && (await handover.cancel(request));
    const after = await find(req);
    if (after.state !== 'cancelled' && (!granted || isFinal(after.state))) {
      res.json({ status: 'already_finished', message: '任务已完成', state: after.state });
      return;
    }
    const known = isFinal(state) ? 'already_finished' : 'cancelled';
    res.json({ status: known, message: '任务已取消', state: after.state });
  }

  /** For operators: the seed's fields, then who ran it, where the queue has it, and what the cache has of it. */
  async function debug(req: JobRequestParams, res: Response) {
    const record = await find(req);
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
    .get('/jobs/:id/files', files)
    .get('/jobs/:id/download', download)
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

async function fileEntry(folder: string, id: string, name: string) {
  const dot = name.lastIndexOf('.');
  const size = await stat(join(folder, name)).then(
    (found) => found.size,
    () => null,
  );
  if (size === null) return null; // removed since the list was made
  const url = `/jobs/${id}/download?filename=${encodeURIComponent(name)}`;
  return { name, size, type: dot < 0 ? '' : name.slice(dot), download_url: url };
}

/** One quoted ASCII `filename="…"`, which is all that the seed's client reads; other names go as RFC 8187 only. */
function contentDisposition(name: string): string {
  if (/^[\x20-\x7e]+$/.test(name) && !/["\\]/.test(name)) return `attachment; filename="${name}"`;
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename*=utf-8''${encoded}`;
}
