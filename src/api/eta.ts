import { LRUCache } from 'lru-cache';
import { measureSong } from '../shared/audio-length.ts';
import { readAttempts } from '../shared/claim.ts';
import type { Estimate, Eta } from '../shared/http.ts';
import type { JobRecord, Jobs } from '../shared/jobs.ts';
import type { Line } from '../shared/queue-line.ts';
import type { JobRequest } from '../shared/request.ts';
import type { Ended, EndedJobs } from './ended.ts';
import type { Handover } from './handover.ts';

/** Seconds. */
type Range = [low: number, high: number];

interface Deps {
  jobs: Jobs;
  ended: EndedJobs;
  handover: Handover;
}

/** Learned from so many jobs of a kind, and from no fewer than that. */
const lastOnes = 20;
const fewest = 3;
/** Jobs that do the same work: another model or mode takes another time. */
const kindOf = (engine: string, model: string, gamemode: number) => `${engine} ${model} ${gamemode}`;

export type Estimator = ReturnType<typeof createEstimator>;

/**
 * Says when a job will have ended, as a range: from the 20th to the 80th percentile of what the last 20 jobs of its kind took for a second of song,
 * for three of five jobs end within it, and one odd run moves neither end.
 */
export function createEstimator({ jobs, ended, handover }: Deps) {
  const requests = new LRUCache<string, JobRequest>({ max: 5_000 });
  /** By path, in seconds. */
  const lengths = new LRUCache<string, number>({ max: 1_000 });
  /** By kind: what a second of song took. */
  let ratios = new Map<string, Range>();
  let learntFrom: readonly Ended[] = [];

  /** Nobody waits for what is not known yet. */
  function learn() {
    void ended.look().catch(() => undefined); // the disk is in trouble: what is known stays
    const newest = ended.newest();
    if (newest === learntFrom) return;
    learntFrom = newest;
    const byKind = new Map<string, number[]>();
    for (const { engine, model, gamemode, state, startedAt, finishedAt, seconds } of newest) {
      if ((state !== 'succeeded' && state !== 'expired') || startedAt === undefined || seconds <= 0) continue;
      const kind = kindOf(engine, model, gamemode);
      const found = byKind.get(kind) ?? [];
      byKind.set(kind, found);
      if (found.length < lastOnes) found.push(Math.max(0, finishedAt - startedAt) / 1000 / seconds);
    }
    const learnt = [...byKind].filter(([, found]) => found.length >= fewest);
    ratios = new Map(learnt.map(([kind, found]) => [kind, [percentile(found, 0.2), percentile(found, 0.8)]]));
  }

  async function requestOf(id: string): Promise<JobRequest | null> {
    const kept = requests.get(id);
    if (kept) return kept;
    const request = await jobs.readRequest(id).catch(() => null);
    if (request) requests.set(id, request);
    return request;
  }

  /** What a header does not say is counted, once a song; 0 until that is done, for nobody waits for it. */
  function secondsOf({ audio }: JobRequest): number {
    const known = audio.seconds ?? lengths.get(audio.path);
    if (known !== undefined) return known;
    lengths.set(audio.path, 0);
    const measuring = measureSong(jobs.audio(audio), audio.format, new AbortController().signal);
    void measuring.then(({ seconds }) => lengths.set(audio.path, seconds));
    return 0;
  }

  /** How long a whole run takes; null where too few of its kind are known. */
  function runOf(request: JobRequest): Range | null {
    const ratio = ratios.get(kindOf(request.engine, request.model, request.params.gamemode));
    const seconds = ratio ? secondsOf(request) : 0;
    return ratio && seconds > 0 ? [ratio[0] * seconds, ratio[1] * seconds] : null;
  }

  /** What is left of a run; null when it takes longer than such runs do, for then nothing is known of it. */
  async function restOf(request: JobRequest): Promise<Range | null> {
    const run = runOf(request);
    const startedAt = (await readAttempts(jobs.folder(request.id)).catch(() => [])).at(-1)?.claimedAt;
    if (!run || !startedAt) return run;
    const gone = Math.max(0, (Date.now() - startedAt) / 1000);
    return gone >= run[1] ? null : [Math.max(0, run[0] - gone), run[1] - gone];
  }

  /** What is done before a job that waits, by as many at once as run now: where jobs wait, every place is taken. */
  async function before({ ahead, first, running }: Line, own: Range): Promise<Range> {
    const places = Math.max(1, running.length);
    const rests = await Promise.all(running.map(async (id) => either(await requestOf(id), restOf, [0, own[1]])));
    const runs = await Promise.all(first.map(async (id) => either(await requestOf(id), runOf, own)));
    const more = ahead - first.length;
    const sum = (end: 0 | 1) => {
      const named = runs.reduce((total, range) => total + range[end], 0);
      const mean = runs.length > 0 ? named / runs.length : own[end];
      return (rests.reduce((total, range) => total + range[end], 0) + named + more * mean) / places;
    };
    return [sum(0), sum(1)];
  }

  async function waiting(request: JobRequest, line: Line): Promise<Eta | null> {
    const own = runOf(request);
    if (!own) return null;
    const isTaken = (await handover.reachable()).some(({ engines }) => engines.includes(request.engine));
    if (!isTaken || (await jobs.isPaused())) return null;
    const wait = await before({ ...line, running: line.running.filter((id) => id !== request.id) }, own);
    return rounded([wait[0] + own[0], wait[1] + own[1]]);
  }

  learn();
  return {
    /** Null for a job that has ended, or is about to. */
    async estimate({ request, state }: Pick<JobRecord, 'request' | 'state'>): Promise<Estimate> {
      learn();
      if (state === 'running') return { ahead: null, eta: rounded(await restOf(request)) };
      const line = state === 'queued' ? await handover.lineBefore(request) : null;
      return line ? { ahead: line.ahead, eta: await waiting(request, line) } : { ahead: null, eta: null };
    },
  };
}

async function either(
  request: JobRequest | null,
  rangeOf: (request: JobRequest) => Promise<Range | null> | Range | null,
  otherwise: Range,
): Promise<Range> {
  return (request && (await rangeOf(request))) ?? otherwise;
}

function rounded(range: Range | null): Eta | null {
  return range && { from_seconds: Math.floor(range[0]), to_seconds: Math.ceil(range[1]) };
}

/** Between two values what lies between them. */
function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low = 0, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}
