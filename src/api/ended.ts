import { readAttempts } from '../shared/claim.ts';
import type { Jobs, Outcome } from '../shared/jobs.ts';
import type { JobRequest } from '../shared/request.ts';
import type { FinalState } from '../shared/states.ts';

/** What became of a job: the part of its record that is kept in memory. */
export interface Ended extends Pick<JobRequest, 'id' | 'engine' | 'model'> {
  gamemode: number;
  state: FinalState;
  /** Epoch ms. */
  finishedAt: number;
  /** When the attempt that ended it began, epoch ms; undefined for one that never ran. */
  startedAt: number | undefined;
  /** Of the song; 0 where that is not known. */
  seconds: number;
  error: { code: string; detail: string; stage: string | null } | null;
}

/** Of the newest records so many are looked at. */
const looked = 2_000;
const lookEveryMs = 2_000;

export type EndedJobs = ReturnType<typeof createEndedJobs>;

/** The newest jobs that have ended, each record read once. What happened in the last two seconds may be missing. */
export function createEndedJobs(jobs: Jobs) {
  /** Newest first; null for a record that cannot be read. */
  let known = new Map<string, Ended | null>();
  let newest: Ended[] = [];
  let lookedAt = 0;
  let looking: Promise<void> | null = null;

  async function lookNow() {
    const ids = await jobs.ids();
    const open = new Set(await jobs.marked()); // read after: a job's mark is there before its record
    const seen = new Map<string, Ended | null>();
    for (const id of ids.filter((one) => !open.has(one)).slice(0, looked)) {
      seen.set(id, known.get(id) ?? (await read(id).catch(() => null)));
    }
    known = seen;
    newest = [...seen.values()].filter((ended) => ended !== null);
  }

  async function read(id: string): Promise<Ended | null> {
    const [request, outcome] = [await jobs.readRequest(id), await jobs.readOutcome(id)];
    if (!request || !outcome) return null;
    const { engine, model, audio, params } = request;
    const attempt = (await readAttempts(jobs.folder(id))).find((one) => one.attempt === outcome.attempt);
    return {
      ...{ id, engine, model },
      gamemode: params.gamemode,
      state: outcome.state,
      finishedAt: outcome.finishedAt,
      startedAt: attempt?.claimedAt,
      seconds: audio.seconds ?? (outcome.report?.last_object_ms ?? 0) / 1000, // a map ends about where its song does
      error: errorOf(outcome),
    };
  }

  return {
    /** Those that are known; another list after each look. */
    newest: (): readonly Ended[] => newest,
    /** Looks for more, unless that was just done. The first look takes a while. */
    async look(): Promise<void> {
      if (!looking && Date.now() - lookedAt < lookEveryMs) return;
      looking ??= lookNow().finally(() => {
        lookedAt = Date.now();
        looking = null;
      });
      await looking;
    },
  };
}

function errorOf({ state, error }: Outcome): Ended['error'] {
  if (state !== 'failed' && state !== 'timed_out') return null;
  return { code: error?.code ?? state, detail: error?.detail ?? '', stage: error?.stage ?? null };
}
