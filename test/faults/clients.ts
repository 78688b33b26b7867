import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFinal, type State } from '../../src/shared/states.ts';
import { wavBytes } from '../song.ts';
import { apiNames, createSignal, pause, type ApiName, type Harness } from './harness.ts';
import { createRandom } from './random.ts';

/**
 * The clients: they submit, cancel, ask and watch through whichever API answers, and write down what they were told. Only that
 * is the service's promise.
 */
export interface JobPlan {
  /** Ms from the start of the run. */
  at: number;
  title: string;
  /** Ms after it was accepted. */
  cancelAfter: number | null;
  viewers: number;
}

export interface Cancel {
  sentAt: number;
  answeredAt: number;
  /** What the answer said. */
  status: string;
  state: State;
}

export interface Frame {
  id: number;
  event: string;
  data: string;
}

/** What one viewer saw, over all its connections. */
export interface Viewing {
  frames: Frame[];
  connections: number;
  over: boolean;
}

export interface Accepted {
  id: string;
  title: string;
  acceptedAt: number;
  /** False: its submit was cut off, and it was found among the records. */
  answered: boolean;
  cancels: Cancel[];
  /** Somebody has asked for a cancel, whether or not it was answered. */
  cancelSent: boolean;
  /** An API has said that it knows no such job. Then nobody waits for it any longer. */
  unknown: boolean;
  /** The first final state that any client was told. */
  final: { state: State; at: number } | null;
  viewings: Viewing[];
}

export interface Ledger {
  jobs: Map<string, Accepted>;
  /** What no client must ever be told, as it happened. */
  breaches: { check: number; job: string; text: string }[];
  submits: { refused: number; cut: number; late: number; answered5xx: number };
  /** Answers of 500 and above to anything else, by request. */
  errors: Map<string, number>;
  /** Ms. */
  latencies: { submit: number[]; status: number[] };
}

const clientTimeoutMs = 5_000;
const idleViewerMs = 6_000;
const submitters = 6;
const pollers = 3;
const hangs = (title: string) => title.includes('fixture:hang');

export function planJobs(seed: number, count: number, seconds: number): JobPlan[] {
  const random = createRandom(seed, 'jobs');
  const jobs: JobPlan[] = [];
  for (let n = 0; n < count; n += 1) {
    const slow = random.between(0.2, 1.5).toFixed(2);
    const words = {
      plain: `fixture:slow=${slow}`,
      long: `fixture:slow=${random.between(3, 7).toFixed(2)}`,
      hang: 'fixture:hang',
      'hang-grandchild': 'fixture:hang fixture:grandchild',
      grandchild: `fixture:slow=${slow} fixture:grandchild`,
      'no-beat': 'fixture:no-beat',
      garbage: `fixture:garbage fixture:slow=${slow}`,
      killed: 'fixture:killed',
    };
    const kind = random.weighted({
      plain: 58,
      long: 10,
      hang: 5,
      'hang-grandchild': 3,
      grandchild: 8,
      'no-beat': 5,
      garbage: 6,
      killed: 5,
    });
    const cancelled = random.chance(0.18);
    const cancelAfter = hangs(words[kind]) ? random.between(500, 5_000) : cancelled ? random.between(0, 4_000) : null;
    const last = jobs.at(-1)?.at;
    const burst = last !== undefined && random.chance(0.25);
    const at = burst ? last : random.between(0, Math.max(1, seconds * 1000 - 3_000));
    jobs.push({
      at: Math.round(at),
      title: words[kind],
      cancelAfter: cancelAfter === null ? null : Math.round(cancelAfter),
      viewers: random.chance(0.4) ? random.whole(1, 2) : 0,
    });
  }
  return jobs.sort((a, b) => a.at - b.at);
}

export type Clients = ReturnType<typeof createClients>;

export function createClients(harness: Harness, seed: number) {
  const random = createRandom(seed, 'clients');
  const song = wavBytes(
    Float32Array.from({ length: 2.2 * 44_100 }, (_, i) => 0.1 * Math.sin((i * 440 * 2 * Math.PI) / 44_100)),
    { bits: 8 },
  );
  const ledger: Ledger = {
    jobs: new Map(),
    breaches: [],
    submits: { refused: 0, cut: 0, late: 0, answered5xx: 0 },
    errors: new Map(),
    latencies: { submit: [], status: [] },
  };
  const leaving = createSignal();
  const background = new Set<Promise<void>>();
  const inBackground = (work: Promise<void>) => {
    const settled: Promise<void> = work.finally(() => background.delete(settled));
    background.add(settled);
  };
  const breach = (check: number, job: string, text: string) => {
    harness.note(`BREACH ${check} ${job}: ${text}`);
    ledger.breaches.push({ check, job, text });
  };

  /** One request, read to its end. Null: refused, cut off or too late; then the client does not know what became of it. */
  async function call(api: ApiName, method: string, path: string, body?: FormData) {
    const sentAt = Date.now();
    try {
      const response = await fetch(harness.urls[api] + path, {
        method,
        ...(body ? { body } : {}),
        signal: AbortSignal.timeout(clientTimeoutMs),
      });
      const text = await response.text();
      const json = /json/.test(response.headers.get('content-type') ?? '');
      const answeredAt = Date.now();
      const told = (json ? JSON.parse(text) : {}) as Record<string, unknown>;
      return { status: response.status, body: told, sentAt, answeredAt };
    } catch (error) {
      if (body) ledger.submits[failureOf(error)] += 1;
      return null;
    }
  }

  async function submit(plan: JobPlan): Promise<Accepted | null> {
    for (let attempt = random.whole(0, 1); !leaving.signal.aborted; attempt += 1) {
      const api = apiNames[attempt % apiNames.length]!;
      const form = new FormData();
      form.append('title', plan.title);
      form.append('audio_file', new Blob([new Uint8Array(song)]), 'song.wav');
      const answer = await call(api, 'POST', '/process', form);
      if (answer && answer.status < 300) {
        const { sentAt, answeredAt } = answer;
        if (!harness.wasDisturbed(api, sentAt, answeredAt)) ledger.latencies.submit.push(answeredAt - sentAt);
        const id = String(answer.body['job_id']);
        harness.note(`${id} accepted by ${api}: ${plan.title}`);
        return remember(id, plan.title, true);
      }
      if (answer && answer.status >= 500) ledger.submits.answered5xx += 1;
      else if (answer) breach(2, '-', `a good submit was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
      await pause(random.between(100, 400), leaving.signal);
    }
    return null;
  }

  function remember(id: string, title: string, answered: boolean): Accepted {
    const known = ledger.jobs.get(id);
    if (known) {
      known.answered ||= answered; // it was found on disk before its answer was read
      return known;
    }
    const job = {
      id,
      title,
      acceptedAt: Date.now(),
      answered,
      cancels: [],
      cancelSent: false,
      unknown: false,
      final: null,
      viewings: [],
    };
    ledger.jobs.set(id, job);
    return job;
  }

  /** Asks until somebody has answered. */
  async function cancel(job: Accepted): Promise<void> {
    while (!leaving.signal.aborted && !job.unknown) {
      const api = random.pick(apiNames);
      job.cancelSent = true;
      const answer = await call(api, 'POST', `/jobs/${job.id}/cancel`);
      if (answer && answer.status < 300) {
        const { sentAt, answeredAt, body } = answer;
        const told = { status: String(body['status']), state: body['state'] as State };
        harness.note(`${job.id} cancel answered by ${api}: ${told.status}, ${told.state}`);
        job.cancels.push({ sentAt, answeredAt, ...told });
        see(job, told.state, sentAt, `cancel by ${api}`);
        return;
      }
      if (answer) complain(job, answer, `cancel by ${api}`);
      await pause(200, leaving.signal);
    }
  }

  /** Once anybody was told a final state, nobody may be told another by an answer to a later question. */
  function see(job: Accepted, state: State, askedAt: number, where: string) {
    if (job.final && askedAt > job.final.at && state !== job.final.state) {
      breach(4, job.id, `was ${job.final.state}, then ${state} (${where})`);
    }
    if (isFinal(state) && !job.final) {
      job.final = { state, at: Date.now() };
      harness.note(`${job.id} is ${state} (${where})`);
    }
  }

  function complain(job: Accepted, answer: { status: number; body: object }, what: string) {
    if (answer.status === 404 && !job.unknown) {
      job.unknown = true;
      breach(2, job.id, `404 to ${what}`);
    }
    const name = `${answer.status} to ${what}`;
    ledger.errors.set(name, (ledger.errors.get(name) ?? 0) + 1);
    harness.note(`${job.id}: ${name} ${JSON.stringify(answer.body)}`);
  }

  async function askFor(job: Accepted, api: ApiName): Promise<void> {
    const path = random.chance(0.5) ? `/jobs/${job.id}` : `/jobs/${job.id}/status`;
    const answer = await call(api, 'GET', path);
    if (!answer) return;
    if (answer.status !== 200) return complain(job, answer, `GET by ${api}`);
    if (!harness.wasDisturbed(api, answer.sentAt, answer.answeredAt)) {
      ledger.latencies.status.push(answer.answeredAt - answer.sentAt);
    }
    see(job, answer.body['state'] as State, answer.sentAt, `GET by ${api}`);
  }

  async function poll() {
    while (!leaving.signal.aborted) {
      const jobs = [...ledger.jobs.values()];
      // Mostly what happens now, sometimes what ended long ago.
      const job = random.chance(0.7) ? random.pick(jobs.slice(-30)) : random.pick(jobs);
      if (job) await askFor(job, random.pick(apiNames));
      await pause(random.between(20, 200), leaving.signal);
    }
  }

  /** Follows a job to its end, over as many connections as it takes, and leaves some of them for no reason. */
  async function view(job: Accepted): Promise<void> {
    const viewing: Viewing = { frames: [], connections: 0, over: false };
    job.viewings.push(viewing);
    for (let turn = random.whole(0, 1); !viewing.over && !job.unknown && !leaving.signal.aborted; turn += 1) {
      await follow(
        job,
        viewing,
        apiNames[turn % apiNames.length]!,
        random.chance(0.3) ? random.whole(1, 20) : Infinity,
      );
      if (!viewing.over) await pause(random.between(50, 500), leaving.signal);
    }
  }

  async function follow(job: Accepted, viewing: Viewing, api: ApiName, enough: number): Promise<void> {
    const leave = new AbortController();
    const idle = setTimeout(() => leave.abort(), idleViewerMs);
    const signal = AbortSignal.any([leave.signal, leaving.signal]);
    const after = viewing.frames.at(-1)?.id;
    const headers = after === undefined ? {} : { 'last-event-id': String(after) };
    let left = enough;
    try {
      const response = await fetch(`${harness.urls[api]}/jobs/${job.id}/stream`, { headers, signal });
      viewing.connections += 1;
      if (response.status !== 200 || !response.body)
        return complain(job, { status: response.status, body: {} }, 'stream');
      for await (const frame of readFrames(response.body, () => void idle.refresh())) {
        if (frame.event === 'error') return complain(job, { status: 404, body: frame }, `the stream of ${api}`);
        if (frame.id === undefined) continue;
        viewing.frames.push({ ...frame, id: frame.id });
        if (frame.event === 'completed' || frame.event === 'failed') {
          viewing.over = true;
          return;
        }
        if ((left -= 1) <= 0) return;
      }
    } catch {
      // refused, cut off, or left by ourselves: the next connection goes on where this one was
    } finally {
      clearTimeout(idle);
      leave.abort();
    }
  }

  /**
   * A submit may be recorded and its answer lost. Nobody knows of such a job, but it must end like any other; one that hangs is
   * cancelled as an operator would.
   */
  async function findUnanswered() {
    const folder = join(harness.paths.data, 'jobs');
    while (!leaving.signal.aborted) {
      const seen = (await readdir(folder)).filter((name) => /^[0-9a-f-]{36}$/.test(name) && !ledger.jobs.has(name));
      await pause(clientTimeoutMs + 1_000, leaving.signal);
      for (const id of seen) {
        if (ledger.jobs.has(id)) continue;
        const request = JSON.parse(await readFile(join(folder, id, 'request.json'), 'utf8')) as {
          params: { title: string };
        };
        harness.note(`${id} was recorded without an answer: ${request.params.title}`);
        const job = remember(id, request.params.title, false);
        if (hangs(job.title)) inBackground(cancel(job));
      }
    }
  }

  async function accompany(job: Accepted, plan: JobPlan) {
    for (let n = 0; n < plan.viewers; n += 1) inBackground(view(job));
    if (plan.cancelAfter === null) return;
    await pause(plan.cancelAfter, leaving.signal);
    await cancel(job);
  }

  return {
    ledger,
    cancel,
    askFor,
    /** Submits all, each not before its time. Resolves when every one was accepted and cancelled as planned. */
    async run(plans: JobPlan[]): Promise<void> {
      const startedAt = Date.now();
      const queue = [...plans];
      for (let n = 0; n < pollers; n += 1) inBackground(poll());
      inBackground(findUnanswered());
      const accompanied: Promise<void>[] = [];
      const submitter = async () => {
        for (let plan = queue.shift(); plan && !leaving.signal.aborted; plan = queue.shift()) {
          await pause(startedAt + plan.at - Date.now(), leaving.signal);
          const job = await submit(plan);
          if (job) accompanied.push(accompany(job, plan));
        }
      };
      await Promise.all(Array.from({ length: submitters }, submitter));
      await Promise.all(accompanied);
    },
    /** Submits one more and answers when it runs. */
    async submitNow(title: string): Promise<Accepted> {
      const job = await submit({ at: 0, title, cancelAfter: null, viewers: 0 });
      if (!job) throw new Error('the clients have left');
      return job;
    },
    async close() {
      leaving.abort();
      await Promise.all(background);
    },
  };
}

/** Refused: nobody was there. Late: nobody answered in time. Cut: it may or may not have been accepted. */
function failureOf(error: unknown): 'refused' | 'late' | 'cut' {
  if (error instanceof Error && error.name === 'TimeoutError') return 'late';
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  return cause?.code === 'ECONNREFUSED' ? 'refused' : 'cut';
}

/** The frames of a stream of server-sent events; what is cut off in the middle of one is dropped. */
export async function* readFrames(body: ReadableStream<Uint8Array>, heard: () => void) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    heard();
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\r\n\r\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (!part.startsWith(':')) yield parseFrame(part);
  }
}

function parseFrame(block: string): { id?: number; event: string; data: string } {
  const fields = block.split('\r\n').map((line) => /^(\w+): ?(.*)$/s.exec(line) ?? []);
  const all = (wanted: string) => fields.filter(([, name]) => name === wanted).map(([, , value = '']) => value);
  const [id] = all('id');
  return {
    ...(id === undefined ? {} : { id: Number(id) }),
    event: all('event')[0] ?? '',
    data: all('data').join('\n'),
  };
}
