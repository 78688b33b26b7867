import { rememberJob } from '../history.tsx';
import { asServiceError, ask, jobPath, newKey, type JobRecord } from '../service.ts';
import { changesOf, settingsOf, textsOf } from './settings.ts';
import { changeSong, send, songs, type Song } from './songs.ts';

/** From a checked form to jobs. */

/** What was asked for last and under which key: sent again with that, it still makes one job. Null: not sent yet. */
export interface Named {
  key: string;
  asked: string | null;
}

/**
 * Names a request: as before while it is the same, for one whose answer was lost or was a proxy's may have been accepted. `code`: why the
 * last one was refused.
 */
export function named({ key, asked }: Named, now: string, code?: string): Named {
  const isAnother = (asked !== null && asked !== now) || code === 'idempotency_key_reused';
  return { key: isAnother ? newKey() : key, asked: now };
}

/**
 * What is asked of a job that is made again: null for everything that it was made with and that is no longer set, also what the new
 * model has no field for.
 */
export function changesFor(
  { params, model }: JobRecord,
  fields: Record<string, string>,
  keepsBeatmap: boolean,
): Record<string, string | null> {
  const changes = changesOf(textsOf(settingsOf(params, model)), fields);
  return keepsBeatmap ? changes : { ...changes, beatmap_file: null };
}

/** Makes a job again with what has changed; its song is with the service. Resolves with the new job's id, or throws a ServiceError. */
export async function makeAgain(id: string, changes: Record<string, string | null>, key: string): Promise<string> {
  const made = await ask<{ job_id: string }>('POST', jobPath(id, 'retry'), changes, { 'idempotency-key': key });
  return made.job_id;
}

/**
 * Sends songs one after the other. Resolves with the job's id where there was one song, and null where their rows tell the rest. Throws a
 * ServiceError for what is wrong with the fields that they share.
 */
export async function sendSongs(waiting: Song[], fields: Record<string, string>, beatmap: File | null) {
  let last: string | null = null;
  for (const song of waiting) last = await sendOne(song, fields, beatmap);
  if (last === null || songs.value.length > 1) return null;
  songs.value = [];
  return last;
}

/** A song that is refused for itself leaves the others their way; a wrong field stops them all. */
async function sendOne(song: Song, fields: Record<string, string>, beatmap: File | null): Promise<string | null> {
  const now = JSON.stringify([fields, beatmap && [beatmap.name, beatmap.size, beatmap.lastModified]]);
  const { key, asked } = named(song, now, song.error?.code);
  changeSong(song.key, { key, asked, state: 'sending', share: 0, error: null });
  try {
    const id = await send({ ...song, key }, fields, beatmap);
    changeSong(key, { state: id === null ? 'ready' : 'sent', jobId: id });
    if (id !== null) rememberJob({ id, filename: song.file.name, state: 'queued' });
    return id;
  } catch (error) {
    const problem = asServiceError(error);
    const isOfTheForm = problem.code === 'invalid_request' || problem.code === 'unauthorized';
    changeSong(key, { state: 'failed', error: isOfTheForm ? null : problem });
    if (isOfTheForm) throw problem;
    return null;
  }
}
