import type { ModelLimit } from '../../shared/model-limits.ts';
import { rememberJob } from '../history.tsx';
import { asServiceError, ask, jobPath, newKey, type JobRecord } from '../service.ts';
import { changesOf, sentFields, settingsOf } from './settings.ts';
import { changeSong, send, songs, type Song } from './songs.ts';

/** From a checked form to jobs. */

interface Again {
  limits: Record<string, ModelLimit>;
  /** Whether the beatmap that was sent along is used again. */
  keepsBeatmap: boolean;
  /** Sent again with it, it still makes one job. */
  key: string;
}

/** Makes a job again with what has changed; its song is with the service. Resolves with the new job's id, or throws a ServiceError. */
export async function makeAgain(
  { job_id: id, params, model }: JobRecord,
  fields: Record<string, string>,
  { limits, keepsBeatmap, key }: Again,
): Promise<string> {
  const before = sentFields(settingsOf(params, model), limits, true);
  const changes = { ...changesOf(before, fields), ...(keepsBeatmap ? {} : { beatmap_file: null }) };
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
  // What was cut off is sent again under its key; what was refused is another request by now.
  const key = song.error && song.error.code !== 'network' ? newKey() : song.key;
  changeSong(song.key, { key, state: 'sending', share: 0, error: null });
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
