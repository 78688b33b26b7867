import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClients, planJobs, type Accepted, type Clients, type Ledger } from './clients.ts';
import { apiNames, createHarness, createSignal, type Harness } from './harness.ts';
import { failpointNames, planFaults, rage, type Deeds } from './nemesis.ts';
import { checks, createOracle, type Oracle, type Verdict } from './oracle.ts';

export interface FaultOptions {
  jobs: number;
  /** How long the nemesis rages. */
  seconds: number;
  seed: number;
  /** Whether a failpoint that was never hit fails the run. */
  everyFailpoint: boolean;
  say: (line: string) => void;
}

export interface FaultReport {
  passed: boolean;
  verdict: Verdict;
  table: string;
  /** Where data and logs are kept; null when the run passed. */
  kept: string | null;
}

const settleMs = 180_000;
const tidyMs = 30_000;
/** So long after a fault may its traces delay others: a lost claim, a lock, a restart. */
const aftermathMs = 15_000;
/** Cancelled at the end, when all is quiet, in three states of a job's life. */
const quietCancels = ['fixture:hang', 'fixture:slow=5', 'fixture:hang fixture:grandchild', 'fixture:slow=5'];

/** One run from the first start to the verdict: storm, recovery, questions, stop, a look at what is left. */
export async function runFaults({ jobs, seconds, seed, everyFailpoint, say }: FaultOptions): Promise<FaultReport> {
  const harness = await createHarness();
  let passed = false;
  try {
    await harness.start();
    say(`The service is up; ${seconds} s of faults, ${jobs} jobs, seed ${seed}.`);
    const clients = createClients(harness, seed);
    const calm = createSignal();
    harness.onHeldUp((pid, { cancel }) => {
      if (cancel) void cancelWhatIsHeldUp(harness, clients, pid);
    });
    const storm = rage(harness, planFaults(seed, seconds), calm.signal);
    const work = clients.run(planJobs(seed, jobs, seconds));
    await sleep(seconds * 1000);
    calm.abort();
    await harness.recover();
    const deeds = await storm;
    const recoveredAt = Date.now();
    say('The storm is over.');

    const deadline = recoveredAt + settleMs;
    const up = await harness.untilUp(settleMs);
    if (!up) harness.note('the service is not up again');
    await Promise.race([work, sleep(deadline - Date.now())]);
    const open = await untilFinal(harness, clients, deadline);
    const settledMs = Date.now() - recoveredAt;
    say(`${open.length === 0 ? 'Every job is final' : `${open.length} jobs are still open`} after ${settledMs} ms.`);
    const quiet = up ? await cancelInPeace(clients) : [];
    await untilTidy(harness);
    await clients.close();

    const oracle = createOracle(harness, clients.ledger);
    if (up) await oracle.ask();
    else oracle.verdict.findings.push({ check: 2, job: '-', text: 'the service did not come up again' });
    const killed = await harness.stop();
    const forTheSweep = await leftovers(harness);
    if (forTheSweep > 0) {
      // By design: what a crash leaves when nobody asks for the job again goes with the next sweep, at the next start at the latest.
      oracle.verdict.remarks.set('leftovers in scratch/ or unfinished/ that waited for a sweep', forTheSweep);
      harness.startOneAgain({});
      await untilTidy(harness);
      killed.push(...(await harness.stop()));
    }
    await oracle.look(deeds, killed);
    await expire(harness, clients.ledger, oracle);

    const { verdict } = oracle;
    const missed = failpointNames.filter((point) => !harness.hits.has(point));
    passed = verdict.findings.length === 0 && !(everyFailpoint && missed.length > 0);
    const kept = passed ? null : harness.paths.folder;
    const facts = { harness, ledger: clients.ledger, deeds, verdict, settledMs, quiet, missed };
    return { passed, verdict, table: describe(facts), kept };
  } catch (error) {
    say(`The harness failed; data and logs are in ${harness.paths.folder}.`);
    throw error;
  } finally {
    await harness.close(!passed);
  }
}

/** Asks about every job until all are final. Answers those that are not in time. */
async function untilFinal(harness: Harness, { ledger, askFor }: Clients, deadline: number): Promise<Accepted[]> {
  const isRecorded = (id: string) => existsSync(join(harness.paths.data, 'jobs', id));
  const open = () => [...ledger.jobs.values()].filter(({ final, unknown }) => !final && !unknown);
  for (let turn = 0; Date.now() < deadline; turn += 1) {
    // Also what was recorded without an answer, before anybody knows of it.
    const markers = await readdir(join(harness.paths.data, 'unfinished'));
    if (open().length === 0 && markers.every((id) => isRecorded(id) === Boolean(ledger.jobs.get(id)?.final))) return [];
    for (const job of open()) await askFor(job, apiNames[turn % apiNames.length]!);
    await sleep(200);
  }
  return open();
}

/** A cancel at the worst moment: its job is between two steps that a failpoint holds apart. */
async function cancelWhatIsHeldUp(harness: Harness, { ledger, cancel }: Clients, pid: number): Promise<void> {
  for (const id of await harness.jobsOf(pid)) {
    const job = ledger.jobs.get(id);
    if (job) await cancel(job);
  }
}

/** What is in the folders that are to be empty, and belongs to a job. */
async function leftovers({ paths }: Harness): Promise<number> {
  const [jobs = [], ...lists] = await Promise.all(
    ['jobs', 'unfinished', 'scratch'].map((name) => readdir(join(paths.data, name))),
  );
  return lists.flat().filter((name) => jobs.includes(name)).length;
}

/** Waits as long as a lost claim and a lost lock together may delay what tidies up. */
async function untilTidy(harness: Harness): Promise<void> {
  const deadline = Date.now() + tidyMs;
  while ((await leftovers(harness)) > 0 && Date.now() < deadline) await sleep(200);
}

/** An API that keeps results for a short time only, killed in its first sweep. */
async function expire(harness: Harness, ledger: Ledger, oracle: Oracle): Promise<void> {
  const ends = [...ledger.jobs.values()].map(({ final }) => final?.at ?? Date.now());
  const retentionMs = Math.max(10_000, 0.7 * (Date.now() - Math.min(...ends)));
  await harness.arm('sweep:expired', { action: 'kill', ms: 0, then: 'kill', cancel: false });
  harness.startOneAgain({ RETENTION_DAYS: String(retentionMs / 86_400_000) });
  const deadline = Date.now() + 15_000;
  while (!harness.hits.has('sweep:expired') && Date.now() < deadline) await sleep(50);
  const sweptAt = Date.now();
  await sleep(5_000);
  await harness.stop();
  await oracle.lookAtExpired(sweptAt - retentionMs, Date.now() - retentionMs);
}

/** How long a cancel takes from its sending to the final state when nothing disturbs it, ms. */
async function cancelInPeace({ ledger, submitNow, cancel, askFor }: Clients): Promise<number[]> {
  const jobs: Accepted[] = [];
  for (const title of quietCancels) jobs.push(await submitNow(title));
  await sleep(1_500);
  return Promise.all(
    jobs.map(async (job) => {
      const sentAt = Date.now();
      await cancel(job);
      while (!job.final && Date.now() - sentAt < 30_000) {
        await askFor(ledger.jobs.get(job.id)!, apiNames[0]);
        await sleep(20);
      }
      return Date.now() - sentAt;
    }),
  );
}

interface Facts {
  harness: Harness;
  ledger: Ledger;
  deeds: Deeds;
  verdict: Verdict;
  settledMs: number;
  quiet: number[];
  missed: string[];
}

function describe({ harness, ledger, deeds, verdict, settledMs, quiet, missed }: Facts): string {
  const jobs = [...ledger.jobs.values()];
  const { refused, cut, late, answered5xx } = ledger.submits;
  const cancels = jobs.flatMap((job) => job.cancels);
  const granted = cancels.filter(({ status }) => status === 'cancelled');
  const troubled = [...deeds.times, ...harness.hitTimes];
  const calm = verdict.cancels
    .filter((cancel) => !troubled.some(({ from, to }) => from < cancel.to && to + aftermathMs > cancel.from))
    .map(({ from, to }) => to - from);
  const viewings = jobs.flatMap((job) => job.viewings);
  const list = (map: Map<string, number>) =>
    [...map]
      .sort()
      .map(([name, n]) => `${name} ${n}`)
      .join(', ') || 'none';
  const rows: [string, string][] = [
    [
      'jobs',
      `${jobs.filter(({ answered }) => answered).length} accepted, ${jobs.filter(({ answered }) => !answered).length} more recorded without an answer`,
    ],
    ['ends', list(verdict.ends)],
    [
      'submits that failed',
      `${refused} refused, ${cut} cut off, ${late} without an answer in 5 s, ${answered5xx} with 5xx`,
    ],
    ['other answers of an error', list(ledger.errors)],
    ['cancels', `${cancels.length} answered, ${granted.length} granted`],
    ['cancel to final in calm', `longest ${longest([...calm, ...quiet])} ms of ${calm.length + quiet.length}`],
    ['viewers', `${viewings.length} on ${viewings.reduce((sum, { connections }) => sum + connections, 0)} connections`],
    ['submit', spread(ledger.latencies.submit)],
    ['status request', spread(ledger.latencies.status)],
    ['faults', `${list(deeds.counts)}; ${deeds.missed} met nobody`],
    ['failpoints', list(harness.hits)],
    ['failpoints never hit', missed.join(', ') || 'none'],
    ['processes', `${harness.starts()} started, ${harness.starts() - 5} of them anew`],
    ['all final after', `${settledMs} ms of calm`],
    ...[...verdict.remarks].map(([text, n]): [string, string] => ['remark', `${n} ${text}`]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const verdicts = Object.entries(checks).flatMap(([number, title]) => {
    const findings = verdict.findings.filter(({ check }) => check === Number(number));
    const looked = verdict.looked.get(Number(number)) ?? 0;
    const head = `${number.padStart(2)}  ${findings.length === 0 ? 'holds ' : 'BROKEN'}  ${title} (${findings.length} of ${looked})`;
    return [head, ...findings.slice(0, 20).map(({ job, text }) => `      ${job}  ${text}`)];
  });
  return [...rows.map(([name, text]) => name.padEnd(width) + text), '', ...verdicts].join('\n');
}

const longest = (list: number[]) => (list.length === 0 ? '-' : Math.max(...list));

/** Of what was not frozen or held up by the nemesis itself. */
function spread(list: number[]): string {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return sorted.length === 0 ? 'none' : `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms of ${sorted.length}`;
}
