import { signal } from '@preact/signals';
import { errorOf, newKey, ServiceError, type Limits } from '../service.ts';

/** Songs that were chosen, and their way to the service. */
export interface Song {
  /** Names this submit: sent again with it, it still makes one job. */
  key: string;
  /** What was sent under it, beside the file; null: nothing yet. */
  asked: string | null;
  file: File;
  /** What its header says; null: not known (yet), or the browser cannot read the format. */
  seconds: number | null;
  /** Why it is not sent at all. */
  refused: 'unsupported_audio_type' | 'upload_too_large' | 'empty_file' | 'audio_too_long' | null;
  state: 'ready' | 'sending' | 'sent' | 'failed';
  /** Share of the bytes that are with the service, 0 to 1. */
  share: number;
  jobId: string | null;
  error: ServiceError | null;
}

export const songs = signal<Song[]>([]);

export function changeSong(key: string, part: Partial<Song>): void {
  songs.value = songs.value.map((song) => (song.key === key ? { ...song, ...part } : song));
}

export const removeSong = (key: string): void => {
  songs.value = songs.value.filter((song) => song.key !== key);
};

/** Takes files, and says of each at once whether the service would. */
export function addSongs(files: Iterable<File>, limits: Limits | null): void {
  for (const file of files) {
    const song: Song = {
      key: newKey(),
      asked: null,
      file,
      seconds: null,
      refused: limits && refusalOf(file, limits),
      state: 'ready',
      share: 0,
      jobId: null,
      error: null,
    };
    songs.value = [...songs.value.filter(({ state }) => state !== 'sent'), song];
    if (song.refused === null) void measure(song, limits);
  }
}

function refusalOf(file: File, { formats, max_upload_bytes: most }: Limits): Song['refused'] {
  const ending = file.name.slice(file.name.lastIndexOf('.') + 1).toLowerCase();
  if (!formats.includes(ending)) return 'unsupported_audio_type';
  if (file.size === 0) return 'empty_file';
  return file.size > most ? 'upload_too_large' : null;
}

/** A browser may know the length without reading the whole file. Where it cannot, the service looks. */
async function measure({ key, file }: Song, limits: Limits | null) {
  const audio = new Audio();
  const url = URL.createObjectURL(file);
  audio.preload = 'metadata';
  audio.src = url;
  const seconds = await new Promise<number | null>((resolve) => {
    audio.onloadedmetadata = () => resolve(Number.isFinite(audio.duration) ? audio.duration : null);
    audio.onerror = () => resolve(null);
  });
  URL.revokeObjectURL(url);
  const isTooLong = seconds !== null && limits !== null && seconds > limits.max_audio_seconds;
  changeSong(key, { seconds, ...(isTooLong ? { refused: 'audio_too_long' } : {}) });
}

const sending = new Map<string, XMLHttpRequest>();

/**
 * Sends a song with the fields of its map. Resolves with the job's id, or null where it was cancelled. XMLHttpRequest, for `fetch` does not
 * tell how much has been sent. Throws a ServiceError.
 */
export function send(
  { key, file }: Song,
  fields: Record<string, string>,
  beatmap: File | null,
): Promise<string | null> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (beatmap) form.append('beatmap_file', beatmap);
  form.append('audio_file', file); // last: a wrong field is told before the song has been sent
  const request = new XMLHttpRequest();
  sending.set(key, request);
  return new Promise<string | null>((resolve, reject) => {
    request.open('POST', '/process');
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('idempotency-key', key);
    request.upload.onprogress = ({ loaded, total }) => changeSong(key, { share: total > 0 ? loaded / total : 0 });
    request.onload = () => {
      if (request.status !== 200) return reject(errorOf(request.status, request.responseText));
      try {
        resolve((JSON.parse(request.responseText) as { job_id: string }).job_id);
      } catch {
        reject(new ServiceError('unexpected_answer', `HTTP ${request.status}`));
      }
    };
    request.onerror = () => reject(new ServiceError('network', 'The upload was cut off.'));
    request.onabort = () => resolve(null);
    request.send(form);
  }).finally(() => sending.delete(key));
}

export const stopSending = (key: string): void => sending.get(key)?.abort();
