import { Router, type Request, type Response } from 'express';
import { v7 as timeOrderedUuid } from 'uuid';
import type { Config } from '../shared/config.ts';
import { failpoint } from '../shared/failpoint.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { fieldProblems, Problem } from '../shared/problems.ts';
import { parseFields, type JobRequest } from '../shared/request.ts';
import { chooseEngine } from './engine-choice.ts';
import type { Handover } from './handover.ts';
import { jobLinks } from './job-view.ts';
import { receiveUpload } from './upload.ts';

interface Deps {
  config: Config;
  jobs: Jobs;
  handover: Handover;
  log: Log;
}

/** `POST /process`: everything is checked and on disk before the answer; then the job is handed over. */
export function submitRoutes({ config, jobs, handover, log }: Deps): Router {
  async function submit(req: Request, res: Response) {
    const { fields, audio, ignoredFiles } = await receiveUpload(req, jobs, config.maxUploadBytes);
    if (audio.seconds !== undefined && audio.seconds > config.maxAudioSeconds) {
      const detail = `The song is longer than ${config.maxAudioSeconds / 60} minutes.`;
      throw new Problem('audio_too_long', detail, [{ field: 'audio_file', code: 'audio_too_long', detail }]);
    }
    const { params, errors, unknown } = parseFields(fields);
    if (errors.length > 0 || !params) throw fieldProblems(errors);
    const choice = chooseEngine(config.engine, await handover.workers(), {
      model: fields.get('model'),
      params,
      format: audio.format,
    });

    const warnings = [...unknown, ...ignoredFiles].map(
      (name) => `The field ${JSON.stringify(name)} is not known and was ignored.`,
    );
    const request: JobRequest = {
      id: timeOrderedUuid(),
      createdAt: Date.now(),
      engine: choice.engine,
      model: choice.model,
      audio,
      params,
      warnings: [...choice.warnings, ...warnings],
    };
    await failpoint('submit:stored');
    await jobs.create(request);
    await failpoint('submit:recorded');
    void handover.deliver(request); // the record is the promise; nobody waits for the queue
    log.info(
      { jobId: request.id, engine: request.engine, model: request.model, bytes: audio.bytes },
      'A job was accepted.',
    );
    res.json({
      job_id: request.id,
      status: 'started',
      message: `处理已开始，音频文件: ${audio.filename}`,
      engine: request.engine,
      model: request.model,
      warnings: request.warnings,
      links: jobLinks(request.id),
    });
  }

  return Router().post('/process', submit);
}
