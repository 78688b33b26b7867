import { Mutex } from 'async-mutex';
import { Router, type Request, type Response } from 'express';
import { v7 as timeOrderedUuid } from 'uuid';
import type { Config } from '../shared/config.ts';
import { failpoint } from '../shared/failpoint.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { fieldProblems, Problem, type FieldProblem } from '../shared/problems.ts';
import { readReference, type ReferenceBeatmap } from '../shared/reference-beatmap.ts';
import { parseFields, type JobRequest } from '../shared/request.ts';
import type { Access, Client } from './access.ts';
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

/** `POST /process`: everything is checked and on disk before the answer; then the job is handed over. */
export function submitRoutes({ config, access, jobs, handover, log }: Deps): Router {
  /**
   * One submit after the other, so that no two take the same place. Each API process counts for itself: n of them may together have up to
   * n - 1 jobs more open than the limits say.
   */
  const accepting = new Mutex();

  async function submit(req: Request, res: Response) {
    const client = access.clientOf(req);
    const key = req.get('idempotency-key');
    await jobs.prepare(); // somebody may have tidied up
    // A retry wants the job that it has, not another place.
    const isRetry = key !== undefined && (await isKnown({ jobs, owner: client.owner, key }));
    if (!isRetry) await makeSureOfPlace(client, res);
    const { request, replayed } = await withUpload(req, jobs, config.maxUploadBytes, async (upload) => {
      const asked = await checkedRequest(upload, client);
      const make = () =>
        accepting.runExclusive(async () => {
          await makeSureOfPlace(client, res);
          await accept(asked, upload);
        });
      if (key !== undefined) {
        const model = upload.fields.get('model');
        return onlyOnce({ jobs, owner: client.owner, key, model }, asked, make);
      }
      await make();
      return { request: asked, replayed: false };
    });
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

  async function checkedRequest(
    { fields, audio, beatmap, ignoredFiles }: Upload,
    { owner }: Client,
  ): Promise<JobRequest> {
    if (audio.seconds !== undefined && audio.seconds > config.maxAudioSeconds) {
      const detail = `The song is longer than ${config.maxAudioSeconds / 60} minutes.`;
      throw new Problem('audio_too_long', detail, [{ field: 'audio_file', code: 'audio_too_long', detail }]);
    }
    const { reference, problems } = referenceOf(beatmap);
    const unsent = reference ? { gamemode: `${reference.gamemode}` } : {};
    const { params, errors, unknown } = parseFields(fields, unsent);
    if (errors.length + problems.length > 0 || !params) throw fieldProblems([...errors, ...problems]);
    const choice = chooseEngine(config.engine, await handover.workers(), {
      model: fields.get('model'),
      params,
      format: audio.format,
      reference,
    });
    const warnings = [...unknown, ...ignoredFiles].map(
      (name) => `The field ${JSON.stringify(name)} is not known and was ignored.`,
    );
    return {
      id: timeOrderedUuid(),
      createdAt: Date.now(),
      owner,
      engine: choice.engine,
      model: choice.model,
      audio,
      params,
      ...(reference ? { reference } : {}),
      warnings: [...choice.warnings, ...warnings],
    };
  }

  async function accept(request: JobRequest, upload: Upload) {
    await upload.keep();
    await failpoint('submit:stored');
    await jobs.create(request, upload.beatmap?.text);
    await failpoint('submit:recorded');
    void handover.deliver(request); // the record is the promise; nobody waits for the queue
    const { id: jobId, engine, model, audio } = request;
    log.info({ jobId, engine, model, bytes: audio.bytes }, 'A job was accepted.');
  }

  return Router().post('/process', submit);
}

/** A `beatmap_file` that is no beatmap is a problem among those of the other fields. */
function referenceOf(beatmap: Upload['beatmap']): { reference: ReferenceBeatmap | null; problems: FieldProblem[] } {
  if (!beatmap) return { reference: null, problems: [] };
  try {
    return { reference: readReference(beatmap.filename, beatmap.text), problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    const problem = { field: 'beatmap_file', code: 'invalid_beatmap', detail: `cannot be used: ${reason}` };
    return { reference: null, problems: [problem] };
  }
}
