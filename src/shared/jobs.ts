import { link, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrno, readClaim } from './claim.ts';
import { isFile, readJson, replace, syncFolder, writeDurably } from './disk.ts';
import { appendEvents, isTerminal, mendLog, readEvents } from './events.ts';
import { failpoint } from './failpoint.ts';
import type { AudioFile, JobRequest } from './request.ts';
import type { FinalState, State } from './states.ts';

/**
 * The records of all jobs, on disk. A job's folder `jobs/<id>/` holds
 *   request.json   what was accepted (there before the submit is answered, never changed)
 *   reference.osu  the beatmap that was sent along, if one was (as long as the outputs are kept)
 *   preview-<n>.json  what the page draws of the map that attempt n made (preview.ts; as long as the outputs are kept)
 *   claims/<n>     who runs it (claim.ts)
 *   cancel         there once somebody asked to cancel
 *   outcome.json   how it ended (made once, by link: the first outcome stays)
 *   events.jsonl   the event log (events.ts)
 *   share          the token with which anybody may look at the job
 * `outputs/<id>` is the folder of its published files, or an empty file that a cancel puts in their place. Either is made by one system
 * call that fails where the other is, so a cancel that was granted keeps the job from succeeding; `cancel` is there for the case
 * that somebody removes `outputs`.
 * `unfinished/<id>` is there as long as the job has no outcome, so that a start finds the open jobs by one readdir.
 */
export interface Outcome {
  state: FinalState;
  /** Epoch milliseconds. */
  finishedAt: number;
  attempt: number;
  warnings: string[];
  report?: Report;
  error?: JobError;
}

/** Why a job did not succeed. */
export interface JobError {
  code: string;
  detail: string;
  stage?: string;
  exitCode?: number | null;
  /** The last lines that the engine wrote. */
  output?: string[];
}

/** What is known about the map that was made. */
export interface Report {
  objects: number;
  first_object_ms: number;
  last_object_ms: number;
  bpm?: number;
  offset_ms?: number;
  timing_confidence?: number;
  /** How long after the written time of a beat it is heard, where the engine found the timing itself. */
  onset_lag_ms?: number;
  stars?: { asked: number; got: number };
  verifier?: VerifierReport;
}

/** What the rules of the game's mapping community say of the map (docs/verifier.md); the counts are of all issues. */
export interface VerifierReport {
  blocking: number;
  advisory: number;
  /** The first ones, blocking before advisory. `time`: ms into the song, null for the whole map. */
  issues: { id: string; level: 'blocking' | 'advisory'; time: number | null; message: string }[];
}

export interface JobRecord {
  request: JobRequest;
  state: State;
  attempt: number;
  outcome: Outcome | null;
}

const referenceName = 'reference.osu';
/** The name of a removed job's folder is this and its id. */
const goneSign = '.gone-';
const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text can be a job's id. Asked before any path is built from it. */
export const isJobId = (text: string): boolean => idPattern.test(text);

/** When a job was accepted, epoch ms: the first 48 bits of a version 7 UUID. */
export const createdAt = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

export type Jobs = ReturnType<typeof createJobs>;

export function createJobs(dataDir: string) {
  const folder = (id: string) => join(dataDir, 'jobs', id);
  const events = (id: string) => join(folder(id), 'events.jsonl');
  const outputs = (id: string) => join(dataDir, 'outputs', id);
  const preview = (id: string, attempt: number) => join(folder(id), `preview-${attempt}.json`);
  const marker = (id: string) => join(dataDir, 'unfinished', id);
  const scratch = (id: string, attempt?: number) => join(dataDir, 'scratch', id, ...(attempt ? [String(attempt)] : []));
  const gone = (id: string) => folder(`${goneSign}${id}`);

  /** Makes the data folder's own folders, at start and again when somebody has removed one. */
  async function prepare() {
    for (const name of ['jobs', 'audio_storage', 'outputs', 'scratch', 'idempotency']) {
      await mkdir(join(dataDir, name), { recursive: true });
    }
    if (await exists(join(dataDir, 'unfinished'))) return;
    const draft = await mkdtemp(join(dataDir, 'jobs', '.unfinished-'));
    for (const id of await ids()) {
      const outcome = await readOutcome(id).catch(() => null);
      if (!outcome) await writeFile(join(draft, id), '');
    }
    // Another process may have been first.
    await rename(draft, join(dataDir, 'unfinished')).catch(() => rm(draft, { recursive: true }));
  }

  /** Writes the record, and the beatmap that was sent along. When this returns, the job survives a restart of everything. */
  async function create(request: JobRequest, reference?: string) {
    const draft = join(dataDir, 'jobs', `.new-${request.id}`);
    try {
      await mkdir(draft);
      await writeDurably(join(draft, 'request.json'), JSON.stringify(request));
      if (reference !== undefined) await writeDurably(join(draft, referenceName), reference);
      await appendEvents(join(draft, 'events.jsonl'), [{ at: request.createdAt, type: 'state', state: 'queued' }]);
      await writeFile(marker(request.id), '');
      await rename(draft, folder(request.id));
      for (const name of ['jobs', 'unfinished', 'audio_storage']) await syncFolder(join(dataDir, name));
    } catch (error) {
      for (const path of [draft, folder(request.id), marker(request.id)])
        await rm(path, { recursive: true, force: true });
      throw error;
    }
  }

  async function readRequest(id: string): Promise<JobRequest | null> {
    return (await readJson(join(folder(id), 'request.json'))) as JobRequest | null;
  }

  /** The text of the beatmap that was sent along; null where there was none. */
  async function readReference(id: string): Promise<string | null> {
    return readFile(join(folder(id), referenceName), 'utf8').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return null;
      throw error;
    });
  }

  async function readOutcome(id: string): Promise<Outcome | null> {
    return (await readJson(join(folder(id), 'outcome.json'))) as Outcome | null;
  }

  /** The whole record with its state, or null for an id that nobody knows. */
  async function read(id: string): Promise<JobRecord | null> {
    const request = isJobId(id) ? await readRequest(id) : null;
    if (!request) return null;
    const claim = await readClaim(folder(id));
    const cancelled = await cancelRequested(id);
    const outcome = await readOutcome(id); // read last: once it is there, the rest no longer matters
    if (!outcome && !(await exists(folder(id)))) return null; // removed meanwhile
    const open = cancelled ? 'cancelling' : claim.state === 'held' ? 'running' : 'queued';
    return { request, state: outcome?.state ?? open, attempt: claim.attempt, outcome };
  }

  /** Writes the outcome. False when the job had one already: then that one stays. Only the claim's owner calls it. */
  async function finish(id: string, outcome: Outcome): Promise<boolean> {
    const draft = join(folder(id), `.outcome-${outcome.attempt}-${process.pid}`);
    await writeDurably(draft, JSON.stringify(outcome));
    let first = true;
    try {
      await link(draft, join(folder(id), 'outcome.json'));
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      first = false;
    }
    await failpoint('finish:linked');
    await rm(draft, { force: true });
    await settle(id);
    return first;
  }

  /** Brings log and marker in line with the outcome, if there is one. Also mends what a crash in the middle of `finish` left. */
  async function settle(id: string): Promise<Outcome | null> {
    const outcome = await readOutcome(id);
    if (!outcome) return null;
    if (!(await readEvents(events(id))).some(isTerminal)) {
      await mendLog(events(id));
      const detail = outcome.error ? { detail: outcome.error.detail } : {};
      await appendEvents(events(id), [{ at: outcome.finishedAt, type: 'state', state: outcome.state, ...detail }]);
    }
    await rm(marker(id), { force: true });
    return outcome;
  }

  /** How many jobs are open at most: one that has just ended may be counted. */
  async function countOpen(): Promise<number> {
    return (await marked()).length;
  }

  /** Whether workers are to take no new job: somebody has put a file `paused` into the data folder, an admin or a person with a shell. */
  const isPaused = () => isFile(join(dataDir, 'paused'));

  async function pause() {
    await writeFile(join(dataDir, 'paused'), '');
  }

  const resume = () => rm(join(dataDir, 'paused'), { force: true });

  /** Ids of the jobs that are open, or ended a moment ago. */
  const marked = () => readdir(join(dataDir, 'unfinished'));

  /** Ids of the jobs without an outcome, oldest first. Markers that a crash left behind are cleared on the way. */
  async function unfinished(): Promise<string[]> {
    const open: string[] = [];
    for (const id of (await marked()).sort()) {
      const outcome = await readOutcome(id).catch(() => null); // one that cannot be read is for a person to look at
      if (outcome) await settle(id);
      else if (await exists(folder(id))) open.push(id);
    }
    return open;
  }

  /** What crashes may have left behind: records that were never put in place, and markers without a record. */
  async function drafts(): Promise<string[]> {
    const names = (await readdir(join(dataDir, 'jobs'))).filter((name) => /^\.(?!gone-)/.test(name));
    const markers = await marked();
    const present = await Promise.all(markers.map((id) => exists(folder(id))));
    return [
      ...names.map((name) => join(dataDir, 'jobs', name)),
      ...markers.filter((_id, i) => !present[i]).map((id) => marker(id)),
    ];
  }

  /** Removes the files of a job that has succeeded, and its log; the record stays and says so. */
  async function expire(id: string, outcome: Outcome) {
    await rm(outputs(id), { recursive: true, force: true });
    await rm(join(folder(id), referenceName), { force: true });
    for (let attempt = 1; attempt <= outcome.attempt; attempt++) await rm(preview(id, attempt), { force: true });
    await failpoint('sweep:expired');
    const expired = { at: Date.now(), type: 'state', state: 'expired' };
    const lastId = (await readEvents(events(id))).at(-1)?.id ?? 0;
    await replace(join(folder(id), 'outcome.json'), JSON.stringify({ ...outcome, state: 'expired' }));
    // The lines before are emptied, not left out: an event's id is its line number, and ids only grow.
    await replace(events(id), `${'\n'.repeat(lastId)}${JSON.stringify(expired)}\n`);
  }

  /**
   * Takes a job away in one step: from then on nobody knows its id. What is left of it is listed by `removed`, until `forget`. False:
   * another was first.
   */
  async function remove(id: string): Promise<boolean> {
    try {
      await rename(folder(id), gone(id)); // nobody reads half of a record
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    }
    await syncFolder(join(dataDir, 'jobs'));
    await failpoint('remove:renamed');
    await rm(marker(id), { force: true });
    return true;
  }

  /** Ids and requests of the jobs that were removed and have left something. */
  async function removed(): Promise<{ id: string; request: JobRequest | null }[]> {
    const names = (await readdir(join(dataDir, 'jobs'))).filter((name) => name.startsWith(goneSign));
    const ids = names.map((name) => name.slice(goneSign.length));
    return Promise.all(
      ids.map(async (id) => ({ id, request: await readRequest(`${goneSign}${id}`).catch(() => null) })),
    );
  }

  /** Clears what a removed job has left, but its request. */
  async function clear(id: string) {
    for (const path of [outputs(id), scratch(id), marker(id)]) await rm(path, { recursive: true, force: true });
    const names = await readdir(gone(id)).catch(() => []);
    for (const name of names) {
      if (name !== 'request.json') await rm(join(gone(id), name), { recursive: true, force: true });
    }
  }

  /** Removes the last of a removed job. */
  const forget = (id: string) => rm(gone(id), { recursive: true, force: true });

  /** Ids of all jobs, newest first (an id begins with its time of creation). */
  async function ids(): Promise<string[]> {
    return (await readdir(join(dataDir, 'jobs'))).filter(isJobId).sort().reverse();
  }

  /** Asks to stop a job. False: too late, its files are public. */
  async function requestCancel(id: string): Promise<boolean> {
    await mkdir(dirname(outputs(id)), { recursive: true }); // somebody may have tidied up
    try {
      await writeFile(outputs(id), '', { flag: 'wx' });
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      if (!(await isFile(outputs(id)))) return false;
    }
    await writeFile(join(folder(id), 'cancel'), '');
    return true;
  }

  const cancelRequested = async (id: string) =>
    (await isFile(join(folder(id), 'cancel'))) || (await isFile(outputs(id)));

  return {
    prepare,
    create,
    read,
    readRequest,
    readReference,
    readOutcome,
    finish,
    settle,
    countOpen,
    marked,
    isPaused,
    pause,
    resume,
    unfinished,
    drafts,
    expire,
    remove,
    removed,
    clear,
    forget,
    ids,
    requestCancel,
    cancelRequested,
    folder,
    events,
    outputs,
    preview,
    writePreview: (id: string, attempt: number, json: string) => replace(preview(id, attempt), json),
    share: (id: string) => join(folder(id), 'share'),
    scratch,
    uploads: () => join(dataDir, 'scratch'),
    idempotency: () => join(dataDir, 'idempotency'),
    audio: ({ path }: Pick<AudioFile, 'path'>) => join(dataDir, path),
    audioPath: (sha256: string, format: string) => join('audio_storage', `${sha256}.${format}`),
  };
}

/** The names of the published files of a folder, `.osz` first, then by name. No folder: none. */
export async function listOutputs(outputFolder: string): Promise<string[]> {
  try {
    const entries = await readdir(outputFolder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    const rank = (name: string) => (name.toLowerCase().endsWith('.osz') ? 0 : 1);
    return names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * Publishes a folder as a job's outputs by one rename. False when somebody has asked to cancel before. Outputs that are there already
 * stay.
 */
export async function publish(scratch: string, outputs: string): Promise<boolean> {
  await mkdir(dirname(outputs), { recursive: true }); // somebody may have tidied up
  try {
    await rename(scratch, outputs);
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return false;
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
  }
  return true;
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
