import { readFile } from 'node:fs/promises';
import type { Jobs } from '../../shared/jobs.ts';
import type { Log } from '../../shared/log.ts';
import type { JobRequest } from '../../shared/request.ts';
import { firstMap } from '../check.ts';
import { browserShiftMs } from '../engines/builtin/audio/mp3-header.ts';
import { makePreview } from './preview.ts';

/**
 * Makes the preview of the map in a folder of checked files, and keeps it with the record of the job as that of this attempt. Never
 * throws: a job is not worse for having no preview, and the log says why.
 */
export async function keepPreview(jobs: Jobs, log: Log, folder: string, request: JobRequest, attempt: number) {
  const { id, audio } = request;
  try {
    const text = await firstMap(folder);
    if (text === null) return;
    const shift = audio.format === 'mp3' ? browserShiftMs(await readFile(jobs.audio(audio))) : 0;
    await jobs.writePreview(id, attempt, JSON.stringify(makePreview(text, Math.round(shift * 100) / 100)));
  } catch (error) {
    log.warn({ jobId: id, attempt, err: error }, 'The job gets no preview.');
  }
}
