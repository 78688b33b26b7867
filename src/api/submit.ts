import { utimes } from 'node:fs/promises';
import { Mutex } from 'async-mutex';
import { Router, type Request, type Response } from 'express';
import { v7 as timeOrderedUuid } from 'uuid';
import type { Config } from '../shared/config.ts';
import { failpoint } from '../shared/failpoint.ts';
import { exists, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { fieldProblems, Problem, type FieldProblem } from '../shared/problems.ts';
import { readReference, type ReferenceBeatmap } from '../shared/reference-beatmap.ts';
import { changedFields, parseFields, type AudioFile, type JobRequest } from '../shared/request.ts';
import { isFinal } from '../shared/states.ts';
import type { Access, Client } from './access.ts';
import { jsonBody, objectIn } from './body.ts';
import { chooseEngine } from './engine-choice.ts';
import type { Handover } from './handover.ts';
import { isKnown, onlyOnce } from './idempotency.ts';
import { jobLinks } from './job-view.ts';
import { withUpload, type Upload } from './upload.ts';

interface Deps {
  config: Config;
  access: Access;
  jobs: Jobs;
  handover: Handover;
  log: Log;
}

/** Asked to come again after this; a map takes about as long. */
const retryAfterSeconds = 30;

/** What a job is to be made of, from whichever way it came. */
interface Asked {
  fields: ReadonlyMap<string, string>;
  audio: AudioFile;
  beatmap: { filename: string; text: string } | null;
  owner: string | null;
  /** The job that is repeated. */
  retryOf?: string;
  /** What is ignored. */
  warnings: string[];
  /** Puts the song in its place. */
  keep: () => Promise<void>;
}

/** `POST /process` and `POST /jobs/{id}/retry`: everything is checked and on disk before the answer; then the job is handed over. */
export function submitRoutes({ config, access, jobs, handover, log }: Deps): Router {
  /**
   * One submit after the other, so that no two take the same place. Each API process counts for itself: n of them may together have up to
   * n - 1 jobs more open than the limits say.
   */
  const accepting = new Mutex();

  async function submit(req: Request, res: Response) {
    const client = access.clientOf(req);
    await makeReady(req, client, res);
    const made = await withUpload(req, jobs, config.maxUploadBytes, ({ ignoredFiles, ...upload }) =>
      makeJob(req, res, client, { ...upload, owner: client.owner, warnings: ignoredFiles.map(unknownField) }),
    );
    answer(res, made);
  }

  /** A new job with the song and the input of one that has ended, but for the fields in the body. */
  async function retry(req: Request<{ id: string }>, res: Response) {
    const { request, state } = await access.findOwn(req);
    if (!isFinal(state)) throw new Problem('job_open', 'The job has not ended.');
    const client = access.clientOf(req);
    await makeReady(req, client, res);
    if (!(await exists(jobs.audio(request.audio)))) throw songGone();
    const changes = objectIn(req);
    const made = await makeJob(req, res, client, {
      fields: changedFields(request, changes),
      audio: request.audio,
      beatmap: await referenceOf(request, changes),
      owner: request.owner ?? null,
      retryOf: request.id,
      warnings: [],
      // The sweep counts from its last use.
      keep: () => utimes(jobs.audio(request.audio), new Date(), new Date()).catch(() => Promise.reject(songGone())),
    });
    answer(res, made);
  }

  /** The beatmap that was sent along; null in its place leaves it out. */
  async function referenceOf({ id, reference }: JobRequest, { beatmap_file: change }: Record<string, unknown>) {
    const refuse = (detail: string) => fieldProblems([{ field: 'beatmap_file', code: 'invalid_value', detail }]);
    if (change !== undefined && change !== null) throw refuse('can be left out with null, but not be sent anew');
    if (!reference || change === null) return null;
    const text = await jobs.readReference(id);
    if (text === null) throw refuse('has been removed with the results; null leaves it out');
    return { filename: reference.filename, text };
  }

  /** A retry wants the job that it has, not another place. */
  async function makeReady(req: Request, client: Client, res: Response) {
    await jobs.prepare(); // somebody may have tidied up
    const key = req.get('idempotency-key');
    const isKnownKey = key !== undefined && (await isKnown({ jobs, owner: client.owner, key }));
    if (!isKnownKey) await makeSureOfPlace(client, res);
  }

  async function makeJob(req: Request, res: Response, client: Client, asked: Asked) {
    const request = await checkedRequest(asked);
    const make = () =>
      accepting.runExclusive(async () => {
        await makeSureOfPlace(client, res);
        await accept(request, asked);
      });
    const key = req.get('idempotency-key');
    if (key === undefined) {
      await make();
      return { request, replayed: false };
    }
    return onlyOnce({ jobs, owner: client.owner, key, model: asked.fields.get('model') }, request, make);
  }

  function answer(res: Response, { request, replayed }: { request: JobRequest; replayed: boolean }) {
    if (replayed) res.set('idempotent-replayed', 'true');
    res.json({
      job_id: request.id,
      status: 'started',
      message: `处理已开始，音频文件: ${request.audio.filename}`,
      engine: request.engine,
      model: request.model,
      warnings: request.warnings,
      links: jobLinks(request.id),
    });
  }

  /** A bounded queue. Who comes when it is full is told at once, before the song is sent; and again after that, for many may send at once. */
  async function makeSureOfPlace({ owner }: Client, res: Response) {
    const { maxOpenJobs, maxOpenJobsPerKey } = config;
    if ((await jobs.countOpen()) < Math.min(maxOpenJobs, owner === null ? Infinity : maxOpenJobsPerKey)) return;
    const open = await jobs.unfinished();
    if (open.length >= maxOpenJobs) {
      res.set('retry-after', `${retryAfterSeconds}`);
      throw new Problem('queue_full', `${maxOpenJobs} jobs are waiting or running; come again later.`);
    }
    if (owner === null) return;
    const requests = await Promise.all(open.map((id) => jobs.readRequest(id).catch(() => null)));
    if (requests.filter((request) => request?.owner === owner).length >= maxOpenJobsPerKey) {
      res.set('retry-after', `${retryAfterSeconds}`);
      throw new Problem('too_many_jobs', `${maxOpenJobsPerKey} jobs of this key are waiting or running.`);
    }
  }

  async function checkedRequest({ fields, audio, beatmap, owner, retryOf, warnings }: Asked): Promise<JobRequest> {
    if (audio.seconds !== undefined && audio.seconds > config.maxAudioSeconds) {
      const detail = `The song is longer than ${config.maxAudioSeconds / 60} minutes.`;
      throw new Problem('audio_too_long', detail, [{ field: 'audio_file', code: 'audio_too_long', detail }]);
    }
    const { reference, problems } = readBeatmap(beatmap);
    const unsent = reference ? { gamemode: `${reference.gamemode}` } : {};
    const { params, errors, unknown } = parseFields(fields, unsent);
    if (errors.length + problems.length > 0 || !params) throw fieldProblems([...errors, ...problems]);
    const choice = chooseEngine(config.engine, await handover.workers(), {
      model: fields.get('model'),
      params,
      format: audio.format,
      reference,
    });
    return {
      id: timeOrderedUuid(),
      createdAt: Date.now(),
      ...(retryOf === undefined ? {} : { retryOf }),
      owner,
      engine: choice.engine,
      model: choice.model,
      audio,
      params,
      ...(reference ? { reference } : {}),
      warnings: [...choice.warnings, ...unknown.map(unknownField), ...warnings],
    };
  }

  async function accept(request: JobRequest, { keep, beatmap }: Asked) {
    await keep();
    await failpoint('submit:stored');
    await jobs.create(request, beatmap?.text);
    await failpoint('submit:recorded');
    void handover.deliver(request); // the record is the promise; nobody waits for the queue
    const { id: jobId, engine, model, audio, retryOf } = request;
    log.info({ jobId, engine, model, bytes: audio.bytes, retryOf }, 'A job was accepted.');
  }

  return Router().post('/process', submit).post('/jobs/:id/retry', jsonBody, retry);
}

const unknownField = (name: string) => `The field ${JSON.stringify(name)} is not known and was ignored.`;

const songGone = () => new Problem('audio_gone', 'The song has been removed; send it again.');

/** A `beatmap_file` that is no beatmap is a problem among those of the other fields. */
function readBeatmap(beatmap: Upload['beatmap']): { reference: ReferenceBeatmap | null; problems: FieldProblem[] } {
  if (!beatmap) return { reference: null, problems: [] };
  try {
    return { reference: readReference(beatmap.filename, beatmap.text), problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    const problem = { field: 'beatmap_file', code: 'invalid_beatmap', detail: `cannot be used: ${reason}` };
    return { reference: null, problems: [problem] };
  }
}
