import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { strFromU8, unzipSync } from 'fflate';
import { BeatmapDecoder } from 'osu-parsers';
import type { Outcome } from '../../src/shared/jobs.ts';
import { isFinal } from '../../src/shared/states.ts';
import { readFrames, type Accepted, type Frame, type Ledger } from './clients.ts';
import { apiNames, ownerOf, type ApiName, type Harness } from './harness.ts';
import type { Deeds } from './nemesis.ts';

/** What must hold after all, told from outside: by HTTP while the service runs, from the files and processes after it has stopped. */
export const checks: Record<number, string> = {
  1: 'every job has one final state, and record, log and both APIs agree on it',
  2: 'no accepted job is unknown to an API or missing from its list',
  3: 'the files of a job that succeeded can be fetched, opened and played',
  4: 'no final state that a client was told changes; no cancelled job succeeds',
  5: 'at most one attempt is public, and nothing of a job that did not succeed',
  6: 'every viewer sees the same events under the same ids, without a gap, to the end',
  7: 'no process is left after the stop',
  8: 'unfinished/ and scratch/ are empty',
  9: 'jobs fail only as they were asked to, or of what the nemesis did to them',
  10: 'no process of the service ended by itself',
  11: 'what is old loses its files and says so, also when the sweep is killed in between',
};

export interface Finding {
  check: number;
  job: string;
  text: string;
}

export interface Verdict {
  findings: Finding[];
  /** How many things each check looked at. */
  looked: Map<number, number>;
  /** What is no violation but must not be hidden: what → how often. */
  remarks: Map<string, number>;
  /** Final states, and codes of failure. */
  ends: Map<string, number>;
  /** From the sending of a cancel to the end of its job, epoch ms. */
  cancels: { from: number; to: number }[];
}

/** What the fixture fails with when it is asked to. */
const askedFor: readonly (readonly [word: string, code: string])[] = [
  ['fixture:no-beat', 'no_beat_found'],
  ['fixture:garbage', 'invalid_result'],
  ['fixture:killed', 'model_oom'],
];
const gone = () => null;

type Json = Record<string, unknown>;

export type Oracle = ReturnType<typeof createOracle>;

export function createOracle(harness: Harness, ledger: Ledger) {
  const verdict: Verdict = { findings: [], looked: new Map(), remarks: new Map(), ends: new Map(), cancels: [] };
  const count = (map: Map<string, number>, name: string) => map.set(name, (map.get(name) ?? 0) + 1);
  const looked = (check: number) => verdict.looked.set(check, (verdict.looked.get(check) ?? 0) + 1);
  const remark = (text: string) => count(verdict.remarks, text);
  const accuse = (check: number, job: string, text: string): void => void verdict.findings.push({ check, job, text });
  /** The state of each job as each API tells it, and its events as they were streamed last. */
  const told = new Map<string, Record<ApiName, string>>();
  const streamed = new Map<string, Frame[]>();

  const get = (api: ApiName, path: string) =>
    fetch(harness.urls[api] + path, { signal: AbortSignal.timeout(20_000) }).then(async (response) => ({
      status: response.status,
      bytes: new Uint8Array(await response.arrayBuffer()),
    }));
  const getJson = async (api: ApiName, path: string) => {
    const { status, bytes } = await get(api, path);
    return { status, body: JSON.parse(strFromU8(bytes)) as Json };
  };

  const readOutcome = async (id: string) =>
    JSON.parse(
      await readFile(join(harness.paths.data, 'jobs', id, 'outcome.json'), 'utf8').catch(() => 'null'),
    ) as Outcome | null;

  async function askAboutJob(job: Accepted) {
    const states = {} as Record<ApiName, string>;
    for (const api of apiNames) {
      const { status, body } = await getJson(api, `/jobs/${job.id}`);
      looked(2);
      if (status !== 200) accuse(2, job.id, `${status} to GET /jobs/{id} by ${api}`);
      states[api] = String(body['state']);
    }
    told.set(job.id, states);
    await askForFiles(job);
    await askForEvents(job);
  }

  async function askForFiles({ id }: Accepted) {
    for (const api of apiNames) {
      const { body } = await getJson(api, `/jobs/${id}/files`);
      const files = (body['files'] ?? []) as { name: string; size: number; download_url: string }[];
      if (told.get(id)![api] !== 'succeeded') {
        looked(5);
        if (files.length > 0)
          accuse(5, id, `${told.get(id)![api]}, but ${api} lists ${files.map(({ name }) => name).join()}`);
        continue;
      }
      looked(3);
      if (files.length === 0) accuse(3, id, `${api} lists no file of a job that succeeded`);
      for (const file of files) {
        const { status, bytes } = await get(api, file.download_url);
        const problem = status === 200 ? problemOf(file.name, bytes) : `status ${status}`;
        if (problem) accuse(3, id, `${file.name} by ${api}: ${problem}`);
        else if (bytes.length !== file.size)
          accuse(3, id, `${file.name} by ${api}: ${bytes.length} of ${file.size} bytes`);
      }
    }
  }

  async function askForEvents({ id }: Accepted) {
    const [first, second] = await Promise.all(
      apiNames.map((api) => readStream(`${harness.urls[api]}/jobs/${id}/stream`)),
    );
    if (JSON.stringify(first) !== JSON.stringify(second)) accuse(6, id, 'the two APIs stream different events');
    streamed.set(id, first!);
  }

  /** The whole list, page by page. */
  async function askForList(api: ApiName) {
    const listed = new Map<string, string>();
    for (let next: string | null = '/jobs?limit=200'; next;) {
      const { body } = await getJson(api, next);
      for (const { job_id, state } of body['jobs'] as { job_id: string; state: string }[]) listed.set(job_id, state);
      next = body['next'] as string | null;
    }
    for (const { id } of ledger.jobs.values()) {
      looked(2);
      if (!listed.has(id)) accuse(2, id, `is not in GET /jobs of ${api}`);
      else if (listed.get(id) !== told.get(id)?.[api]) accuse(1, id, `is ${listed.get(id)} in GET /jobs of ${api}`);
    }
  }

  async function lookAtJob(job: Accepted, deeds: Deeds) {
    const { id } = job;
    const folder = join(harness.paths.data, 'jobs', id);
    looked(1);
    const outcome = await readOutcome(id);
    if (!outcome) return accuse(1, id, `has no outcome; it is ${JSON.stringify(told.get(id))}`);
    count(verdict.ends, outcome.state + (outcome.error ? ` ${outcome.error.code}` : ''));
    for (const api of apiNames) {
      if (told.get(id)?.[api] !== outcome.state)
        accuse(1, id, `${api} says ${told.get(id)?.[api]}, the record ${outcome.state}`);
    }
    if (job.final && job.final.state !== outcome.state)
      accuse(4, id, `was told to be ${job.final.state}, is ${outcome.state}`);
    await lookAtLog(job, outcome, join(folder, 'events.jsonl'));
    await lookAtOutputs(job, outcome);
    lookAtCancels(job, outcome);
    await lookAtReason(job, outcome, deeds, join(folder, 'claims'));
  }

  async function lookAtLog({ id, viewings }: Accepted, outcome: Outcome, path: string) {
    const lines = (await readFile(path, 'utf8')).split('\n');
    if (lines.pop() !== '') remark('logs that end in the middle of a line');
    const events = lines.map(parseEvent);
    const ends = events.flatMap((event, i) =>
      event?.['type'] === 'state' && isFinal(event['state'] as never) ? [i + 1] : [],
    );
    const [end] = ends;
    if (end === undefined) return accuse(1, id, 'its log has no final event');
    for (const n of ends) {
      const state = String(events[n - 1]!['state']);
      if (state !== outcome.state) accuse(1, id, `line ${n} of its log says ${state}, the record ${outcome.state}`);
    }
    // By design: two that mend a log at once, or an attempt that was thought dead, write behind the end; nobody is shown it.
    if (ends.length > 1) remark('logs with the final event more than once (shown once)');
    if (events.length > end) remark('logs that go on after the final event (not shown)');
    const torn = new Set(events.flatMap((event, i) => (event ? [] : [i + 1])));
    if (torn.size > 0) remark('logs with a torn line');

    const all = streamed.get(id) ?? [];
    for (const [who, frames, whole] of [
      ['the last look', all, true] as const,
      ...viewings.map(({ frames, over }, n) => [`viewer ${n + 1}`, frames, over] as const),
    ]) {
      looked(6);
      let before = 0;
      for (const frame of frames) {
        const between = Array.from({ length: Math.max(0, frame.id - before - 1) }, (_, i) => before + 1 + i);
        if (frame.id <= before) accuse(6, id, `${who} got event ${frame.id} after ${before}`);
        else if (!between.every((n) => torn.has(n)))
          accuse(6, id, `${who} got event ${frame.id} after ${before}: a gap`);
        before = Math.max(before, frame.id);
        const same = all.find(({ id: n }) => n === frame.id);
        if (!same) accuse(6, id, `${who} got event ${frame.id}, which is not there any more`);
        else if (same.event !== frame.event || same.data !== frame.data) {
          accuse(6, id, `${who} got ${show(frame)}, others ${show(same)}`);
        }
      }
      const last = frames.at(-1);
      const wanted = outcome.state === 'succeeded' ? 'completed' : 'failed';
      if (!whole) accuse(6, id, `${who} never got to the end (event ${last?.id})`);
      else if (last?.event !== wanted)
        accuse(6, id, `${who} ended with ${last && show(last)}, the job is ${outcome.state}`);
    }
  }

  async function lookAtOutputs({ id }: Accepted, { state }: Outcome) {
    looked(5);
    const folder = join(harness.paths.data, 'outputs', id);
    const names = await readdir(folder).catch(gone);
    if (state !== 'succeeded') {
      if (names) accuse(5, id, `is ${state}, but outputs/ has ${names.join(', ') || 'an empty folder'} of it`);
    } else if (names?.length !== 1 || !names[0]?.endsWith('.osz')) {
      accuse(5, id, `succeeded with ${names ? names.join(', ') : 'nothing'} in outputs/`);
    }
  }

  function lookAtCancels(job: Accepted, { state, finishedAt }: Outcome) {
    for (const cancel of job.cancels) {
      looked(4);
      if (cancel.status === 'cancelled') verdict.cancels.push({ from: cancel.sentAt, to: finishedAt });
      if (cancel.status !== 'cancelled' || state === 'cancelled') continue;
      if (isFinal(cancel.state)) accuse(4, job.id, `was answered to be ${cancel.state}, is ${state}`);
      else if (state === 'succeeded') accuse(4, job.id, 'a cancel was granted, and it succeeded');
      else remark(`cancels granted to a job that was about to end as ${state}`);
    }
  }

  async function lookAtReason(job: Accepted, outcome: Outcome, deeds: Deeds, claims: string) {
    looked(9);
    const { id, title } = job;
    const { state, error } = outcome;
    const code = error?.code ?? state;
    const asked = askedFor.find(([word]) => title.includes(word))?.[1];
    if (state === 'cancelled') {
      // The cancel of an answer that was cut off counts too.
      if (!job.cancelSent) accuse(9, id, 'is cancelled, and nobody asked for it');
    } else if (code === 'worker_lost') {
      const owners = await ownersBefore(claims, outcome.attempt);
      if (owners.filter((pid) => harness.struck.has(pid)).length < 2) {
        accuse(9, id, `worker_lost, but the nemesis did not meet two of its owners: ${owners.join(', ')}`);
      }
    } else if (state === 'succeeded') {
      if (asked !== undefined) accuse(9, id, `succeeded, but was to fail with ${asked}`);
    } else if (code === asked) {
      // as it was asked to
    } else if ((code === 'model_oom' || code === 'engine_failed') && deeds.enginesKilled.has(id)) {
      remark(`jobs that failed with ${code} because the nemesis killed their engine`);
    } else {
      const also = deeds.scratchRemoved.has(id) ? '; its scratch folder had been removed' : '';
      accuse(9, id, `${title} ended as ${code}: ${error?.detail ?? ''}${also}`);
    }
  }

  return {
    verdict,
    /** While everything is up and every job is final. */
    async ask() {
      const jobs = [...ledger.jobs.values()];
      const asker = async () => {
        for (let job = jobs.shift(); job; job = jobs.shift()) await askAboutJob(job);
      };
      await Promise.all(Array.from({ length: 4 }, asker));
      for (const api of apiNames) await askForList(api);
    },
    /** After the stop. `killed`: what did not stop in time. */
    async look(deeds: Deeds, killed: string[]) {
      for (const { check, job, text } of ledger.breaches) accuse(check, job, text);
      const onDisk = (await readdir(join(harness.paths.data, 'jobs'))).filter((name) => !name.startsWith('.new-'));
      for (const id of onDisk) if (!ledger.jobs.has(id)) accuse(2, id, 'is on disk, and no client ever heard of it');
      for (const job of ledger.jobs.values()) await lookAtJob(job, deeds);

      await sleep(500);
      for (const { pid, command } of await harness.processes()) accuse(7, '-', `process ${pid} is left: ${command}`);
      for (const name of killed) accuse(7, '-', `${name} had not stopped after 30 s`);
      looked(7);
      for (const name of ['unfinished', 'scratch']) {
        for (const entry of await readdir(join(harness.paths.data, name))) {
          // By design: what an API leaves that is killed before it has accepted the job is swept when it is surely dead.
          if (entry.startsWith('upload'))
            remark('parts of uploads that killed APIs left in scratch/ (swept after a day)');
          else if (name === 'unfinished' && !(await readdir(join(harness.paths.data, 'jobs'))).includes(entry)) {
            remark('markers that killed APIs left without a record (swept after an hour)');
          } else accuse(8, entry, `${name}/${entry} is left`);
        }
      }
      looked(8);
      for (const exit of harness.exits) {
        looked(10);
        if (harness.struck.has(exit.pid)) continue;
        accuse(10, '-', `${exit.name} (${exit.pid}) ended with code ${exit.code}, signal ${exit.signal}`);
      }
    },
    /**
     * After a sweep that a kill has torn apart and the one that came after: what had succeeded before `old` has expired, what did
     * after `young` has not. Epoch ms.
     */
    async lookAtExpired(old: number, young: number) {
      for (const { id } of ledger.jobs.values()) {
        const outcome = await readOutcome(id);
        if (outcome?.state !== 'succeeded' && outcome?.state !== 'expired') continue;
        if (outcome.finishedAt >= old && outcome.finishedAt < young) continue;
        looked(11);
        const files = await readdir(join(harness.paths.data, 'outputs', id)).catch(gone);
        const log = await readFile(join(harness.paths.data, 'jobs', id, 'events.jsonl'), 'utf8');
        const says = log.includes('"state":"expired"') ? 'expired' : 'succeeded';
        const wanted = outcome.finishedAt < old ? 'expired' : 'succeeded';
        if (outcome.state !== wanted || says !== wanted || (files === null) !== (wanted === 'expired')) {
          accuse(
            11,
            id,
            `is ${outcome.state}, its log says ${says}, its files are ${files ? 'there' : 'gone'}: not ${wanted}`,
          );
        }
      }
    },
  };
}

/** Why a file cannot be played; null when it can. */
function problemOf(name: string, bytes: Uint8Array): string | null {
  if (!name.endsWith('.osz')) return 'is no .osz';
  try {
    const entries = Object.entries(unzipSync(bytes)).filter(([entry]) => entry.endsWith('.osu'));
    if (entries.length === 0) return 'has no .osu inside';
    for (const [, text] of entries) {
      const { hitObjects } = new BeatmapDecoder().decodeFromString(strFromU8(text), { parseStoryboard: false });
      if (hitObjects.length === 0) return 'has no objects';
    }
    return null;
  } catch (error) {
    return String(error);
  }
}

function parseEvent(line: string): Json | null {
  try {
    return JSON.parse(line) as Json;
  } catch {
    return null;
  }
}

/** The process ids of the owners before the one that ended the job. One that was frozen and wakes later still gives its claim back. */
async function ownersBefore(claims: string, last: number): Promise<number[]> {
  const earlier = (await readdir(claims)).filter((name) => Number(name) < last);
  return Promise.all(earlier.map(async (name) => ownerOf(await readFile(join(claims, name), 'utf8'))));
}

async function readStream(url: string): Promise<Frame[]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  const frames: Frame[] = [];
  for await (const { id, event, data } of readFrames(response.body!, () => undefined)) {
    if (id !== undefined) frames.push({ id, event, data });
  }
  return frames;
}

const show = ({ id, event, data }: Frame) => `${id} ${event} ${JSON.stringify(data.slice(0, 80))}`;
