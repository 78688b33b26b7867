import { LRUCache } from 'lru-cache';
import { measureSong } from '../shared/audio-length.ts';
import { readAttempts } from '../shared/claim.ts';
import type { JobRecord, Jobs } from '../shared/jobs.ts';
import type { Line } from '../shared/queue.ts';
import type { JobRequest } from '../shared/request.ts';
import type { Handover } from './handover.ts';

/** In whole seconds from now until the job has ended. */
export interface Eta {
  from_seconds: number;
  to_seconds: number;
}

/** What is known of a job that has no end yet. */
export interface Estimate {
  /** How many jobs of its engine start before it; null unless it waits. */
  ahead: number | null;
  eta: Eta | null;
}

/** Seconds. */
type Range = [low: number, high: number];

/** How long an attempt took for each second of its song. */
interface Sample {
  kind: string;
  ratio: number;
}

interface Deps {
  jobs: Jobs;
  handover: Handover;
}

/** Learned from so many jobs of a kind, and from no fewer than that. */
const lastOnes = 20;
const fewest = 3;
/** Of the newest records so many are looked at. */
const looked = 2_000;
const lookEveryMs = 2_000;
/** Jobs that do the same work: another model or mode takes another time. */
const kindOf = ({ engine, model, params }: JobRequest) => `${engine} ${model} ${params.gamemode}`;

export type Estimator = ReturnType<typeof createEstimator>;

/**
 * Says when a job will have ended, as a range: from the 20th to the 80th percentile of what the last 20 jobs of its kind took for a second of song,
 * for three of five jobs end within it, and one odd run moves neither end. Each record is read once, after its job has ended.
 */
export function createEstimator({ jobs, handover }: Deps) {
  const requests = new LRUCache<string, JobRequest>({ max: 5_000 });
  const lengths = new LRUCache<string, Promise<number>>({ max: 1_000 });
  /** Newest first; null for a job that teaches nothing. */
  let known = new Map<string, Sample | null>();
  let ratios = new Map<string, Range>();
  let lookedAt = 0;
  let looking: Promise<void> | null = null;

  /** Looks for jobs that have ended since. The first look takes a while, and nobody waits for it. */
  function look() {
    if (looking || Date.now() - lookedAt < lookEveryMs) return;
    looking = learn()
      .catch(() => undefined) // the disk is in trouble: what is known stays
      .finally(() => {
        lookedAt = Date.now();
        looking = null;
      });
  }

  async function learn() {
    const ids = await jobs.ids();
    const open = new Set(await jobs.marked()); // read after: a job's mark is there before its record
    const seen = new Map<string, Sample | null>();
    for (const id of ids.filter((one) => !open.has(one)).slice(0, looked)) {
      const sample = known.has(id) ? known.get(id) : await sampleOf(id).catch(() => null);
      seen.set(id, sample ?? null);
    }
    known = seen;
    const byKind = new Map<string, number[]>();
    for (const sample of known.values()) {
      if (!sample) continue;
      const found = byKind.get(sample.kind) ?? [];
      if (found.length < lastOnes) byKind.set(sample.kind, [...found, sample.ratio]);
    }
    const learnt = [...byKind].filter(([, found]) => found.length >= fewest);
    ratios = new Map(learnt.map(([kind, found]) => [kind, [percentile(found, 0.2), percentile(found, 0.8)]]));
  }

  async function sampleOf(id: string): Promise<Sample | null> {
    const [request, outcome] = [await jobs.readRequest(id), await jobs.readOutcome(id)];
    if (!request || (outcome?.state !== 'succeeded' && outcome?.state !== 'expired')) return null;
    const startedAt = (await readAttempts(jobs.folder(id))).find(
      ({ attempt }) => attempt === outcome.attempt,
    )?.claimedAt;
    const seconds = request.audio.seconds ?? (outcome.report?.last_object_ms ?? 0) / 1000; // a map ends about where its song does
    if (!startedAt || seconds <= 0) return null;
    return { kind: kindOf(request), ratio: Math.max(0, outcome.finishedAt - startedAt) / 1000 / seconds };
  }

  async function requestOf(id: string): Promise<JobRequest | null> {
    const kept = requests.get(id);
    if (kept) return kept;
    const request = await jobs.readRequest(id).catch(() => null);
    if (request) requests.set(id, request);
    return request;
  }

  /** What a header does not say is counted, once a song. */
  async function secondsOf({ audio }: JobRequest): Promise<number> {
    if (audio.seconds !== undefined) return audio.seconds;
    const measuring =
      lengths.get(audio.path) ??
      measureSong(jobs.audio(audio), audio.format, new AbortController().signal).then(({ seconds }) => seconds);
    lengths.set(audio.path, measuring);
    return measuring;
  }

  /** How long a whole run takes; null where too few of its kind are known. */
  async function runOf(request: JobRequest): Promise<Range | null> {
    const ratio = ratios.get(kindOf(request));
    const seconds = ratio ? await secondsOf(request) : 0;
    return ratio && seconds > 0 ? [ratio[0] * seconds, ratio[1] * seconds] : null;
  }

  /** What is left of a run; null when it takes longer than such runs do, for then nothing is known of it. */
  async function restOf(request: JobRequest): Promise<Range | null> {
    const run = await runOf(request);
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
    const own = await runOf(request);
    const isTaken = (await handover.reachable()).some(({ engines }) => engines.includes(request.engine));
    if (!own || !isTaken || (await jobs.isPaused())) return null;
    const wait = await before({ ...line, running: line.running.filter((id) => id !== request.id) }, own);
    return rounded([wait[0] + own[0], wait[1] + own[1]]);
  }

  return {
    /** Null for a job that has ended, or is about to. */
    async estimate({ request, state }: Pick<JobRecord, 'request' | 'state'>): Promise<Estimate> {
      look();
      if (state === 'running') return { ahead: null, eta: rounded(await restOf(request)) };
      const line = state === 'queued' ? await handover.lineBefore(request) : null;
      return line ? { ahead: line.ahead, eta: await waiting(request, line) } : { ahead: null, eta: null };
    },
  };
}

async function either(
  request: JobRequest | null,
  rangeOf: (request: JobRequest) => Promise<Range | null>,
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
