import { copyFile, link, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Semaphore } from 'async-mutex';
import { cutOffWarning, measureSong } from '../shared/audio-length.ts';
import { metadataOf, type Cache } from '../shared/cache.ts';
import { heartbeatMs, lostOwners, readClaim, takeClaim, untilLost, type Claim } from '../shared/claim.ts';
import { bringInLine, endJob } from '../shared/ending.ts';
import { furthest, mendLog, readEvents, startedAt } from '../shared/events.ts';
import { failpoint } from '../shared/failpoint.ts';
import { exists, listOutputs, publish, type JobError, type Jobs, type Outcome, type Report } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import type { Delivery } from '../shared/queue.ts';
import { copyForProgram } from '../shared/reference-beatmap.ts';
import type { EngineName, JobRequest } from '../shared/request.ts';
import { checkResult, InvalidResultError } from './check.ts';
import { keptLines, type AttemptPaths, type Engine, type EngineLine } from './engines/engine.ts';
import { endProcesses } from './orphans.ts';
import { keepPreview } from './preview/keep.ts';
import { createProgressReporter, type ProgressReporter } from './progress.ts';

const cancelPollMs = 250;
/** What an attempt may need on disk beside a few times its song. */
const spareBytes = 1024 * 1024;
/** A job that killed this many workers is not tried again. */
const maxLostWorkers = 2;
/** More than a worker runs at once: who takes as many turns has it for himself. */
const allTurns = 1_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  engines: ReadonlyMap<EngineName, Engine>;
  owner: string;
  limits: RunLimits;
  log: Log;
}

/** In seconds. */
export interface RunLimits {
  audio: number;
  /** The longest that one attempt may take. */
  run: number;
  /** The longest that an engine may say nothing. */
  silence: number;
}

/** Why an attempt is stopped from outside. The first reason stays. */
type StopReason = 'cancelled' | 'shutdown' | 'taken_over' | 'run_timeout' | 'no_progress';

type Ending = Pick<Outcome, 'state' | 'report' | 'error'> & { warnings?: string[] };

/**
 * Runs a job from its record to its outcome. Every delivery, by BullMQ or by the forked worker's channel, comes through
 * here, and only the claim's owner goes on (claim.ts). Throws when the disk does; then nothing is decided and the job is
 * delivered again.
 *
 * A job that has lost a worker has the next one for itself: if that dies too, no other job is to blame, and none is taken along.
 */
export function createRunner({ jobs, cache, engines, owner, limits, log }: Deps) {
  const turns = new Semaphore(allTurns);

  return async function run(id: string, shutdown: AbortSignal): Promise<Delivery> {
    const request = await jobs.readRequest(id);
    if (!request || (await jobs.readOutcome(id))) return ended(id);
    if (!(await untilLost(jobs.folder(id)))) return 'held';
    if (!(await isForThisHost(request))) return 'held';
    const weight = (await lostOwners(jobs.folder(id))) > 0 ? allTurns : 1;
    if (shutdown.aborted) return 'released';
    const giveUp = () => turns.cancel();
    shutdown.addEventListener('abort', giveUp, { once: true });
    const turn = await turns.acquire(weight).catch(() => null);
    shutdown.removeEventListener('abort', giveUp);
    if (!turn) return 'released';
    try {
      return await runInTurn(request, shutdown);
    } finally {
      turn[1]();
    }
  };

  /** A model that is not here may be on another host, or come; what is published already needs none. */
  async function isForThisHost({ id, engine, model }: JobRequest): Promise<boolean> {
    const isHere = (await engines.get(engine)?.has(model)) ?? true;
    return isHere || (await jobs.cancelRequested(id)) || (await listOutputs(jobs.outputs(id))).length > 0;
  }

  async function runInTurn(request: JobRequest, shutdown: AbortSignal): Promise<Delivery> {
    const { id } = request;
    const claim = await takeClaim(jobs.folder(id), owner);
    if (!claim) return 'held';
    try {
      return await runClaimed(request, claim, shutdown);
    } catch (error) {
      await rm(jobs.scratch(id, claim.attempt), { recursive: true, force: true }).catch(() => undefined);
      await claim.release().catch(() => undefined); // this worker lives: nothing was lost
      throw error;
    }
  }

  async function runClaimed(request: JobRequest, claim: Claim, shutdown: AbortSignal): Promise<Delivery> {
    const { id } = request;
    const jobLog = log.child({ jobId: id, attempt: claim.attempt });
    await failpoint('run:claimed');
    // It ended, or was removed, between the look and the claim.
    if (!(await jobs.readRequest(id)) || (await jobs.readOutcome(id))) return ended(id);
    if (claim.attempt > 1) await endProcesses((attempt) => attempt.startsWith(`${id}/`));

    const outcome = await decide(request, claim, shutdown, jobLog);
    if (outcome === 'shutdown') {
      await claim.release();
      jobLog.info('The job was given back: this worker stops.');
      return 'released';
    }
    if (outcome === 'taken_over' || !(await claim.beat())) {
      const isOver = (await jobs.readOutcome(id)) !== null;
      jobLog.warn(`The job ${isOver ? 'has ended' : 'was taken over'} without this worker; this attempt is dropped.`);
      return isOver ? ended(id) : 'held'; // the end takes back what this attempt may have published
    }
    await endJob({ jobs, cache }, id, outcome);
    jobLog.info({ state: outcome.state, code: outcome.error?.code }, 'The job ended.');
    return 'ended';
  }

  async function ended(id: string): Promise<Delivery> {
    await bringInLine({ jobs, cache }, id);
    return 'ended';
  }

  async function decide(request: JobRequest, claim: Claim, shutdown: AbortSignal, jobLog: Log) {
    const { id } = request;
    const end = (rest: Ending): Outcome => ({
      finishedAt: Date.now(),
      attempt: claim.attempt,
      warnings: request.warnings,
      ...rest,
    });

    if (await jobs.cancelRequested(id)) return end({ state: 'cancelled' });
    // Published by an attempt that died before it could write the outcome.
    if ((await listOutputs(jobs.outputs(id))).length > 0) {
      const { seconds } = await measureSong(jobs.audio(request.audio), request.audio.format, shutdown);
      const result = await examine(jobs.outputs(id), request, seconds);
      if (!result.error) await keepPreview(jobs, log, jobs.outputs(id), request, claim.attempt);
      return end(result);
    }
    if (claim.lostBefore >= maxLostWorkers) {
      const detail = `${claim.lostBefore} workers died while they ran this job.`;
      return end({ state: 'failed', error: { code: 'worker_lost', detail } });
    }
    const engine = engines.get(request.engine);
    if (!engine) throw new Error(`This worker has no engine "${request.engine}".`);

    await mendLog(jobs.events(id));
    const events = await readEvents(jobs.events(id));
    const isOurs = async () =>
      (await readClaim(jobs.folder(id))).attempt === claim.attempt && (await jobs.readOutcome(id)) === null;
    const reporter = createProgressReporter({ id, log, cache, jobs, from: furthest(events), isOurs });
    reporter.event({ at: Date.now(), type: 'state', state: 'running', attempt: claim.attempt });
    reporter.advance({ percent: 0, stage: 'started' });
    await cache.set('job_metadata', id, metadataOf(request, startedAt(events) ?? Date.now(), null));
    jobLog.info({ engine: request.engine, model: request.model }, 'The job runs.');
    const watch = watchAttempt(id, claim, shutdown);
    try {
      return await attempt(request, engine, claim, reporter, watch, end);
    } finally {
      watch.end();
      await reporter.close();
    }
  }

  async function attempt(
    request: JobRequest,
    engine: Engine,
    claim: Claim,
    reporter: ProgressReporter,
    { signal, heard }: ReturnType<typeof watchAttempt>,
    end: (rest: Ending) => Outcome,
  ): Promise<Outcome | 'shutdown' | 'taken_over'> {
    const { id } = request;
    const song = jobs.audio(request.audio);
    if (!(await exists(song))) {
      return end({ state: 'failed', error: { code: 'audio_missing', detail: 'The uploaded song was removed.' } });
    }
    const { seconds, cutOff } = await measureSong(song, request.audio.format, signal);
    if (seconds > limits.audio) {
      const detail = `The song lasts ${Math.round(seconds)} s; at most ${limits.audio} s are taken.`;
      return end({ state: 'failed', error: { code: 'audio_too_long', detail } });
    }
    const { start_time: start } = request.params;
    if (start !== undefined && seconds > 0 && start >= seconds * 1000) {
      const detail = `The song lasts ${seconds.toFixed(1)} s, so that nothing of it is left from start_time on.`;
      return end({ state: 'failed', error: { code: 'audio_too_short', detail } });
    }
    await makeSureOfRoom(request);
    const paths = await prepareAttempt(request, claim.attempt);
    await failpoint('run:prepared');

    const warnings = [...request.warnings];
    const warn = (detail: string) => {
      warnings.push(detail);
      reporter.event({ at: Date.now(), type: 'warning', detail });
    };
    if (cutOff) warn(cutOffWarning);
    const lastLines: string[] = [];
    let report: Partial<Report> = {};
    let reported: JobError | undefined;
    const say = ({ output, ...line }: EngineLine) => {
      heard();
      if (output !== undefined) {
        reporter.output(output);
        lastLines.push(output.slice(0, 500));
        if (lastLines.length > keptLines) lastLines.shift();
      }
      if (line.progress) reporter.advance(line.progress);
      if (line.warning !== undefined) warn(line.warning);
      if (line.report) report = { ...report, ...line.report };
      reported ??= line.error;
    };

    const failure = await engine.run({ name: `${id}/${claim.attempt}`, request, paths }, say, signal);
    const fail = (error: JobError, state: 'failed' | 'timed_out' = 'failed') =>
      end({ state, warnings, error: { ...error, stage: reporter.stage(), output: lastLines } });
    if (signal.aborted) {
      const reason = signal.reason as StopReason;
      if (reason === 'cancelled') return end({ state: 'cancelled', warnings });
      if (reason === 'run_timeout' || reason === 'no_progress') {
        return fail({ code: reason, detail: timeoutDetail[reason](limits) }, 'timed_out');
      }
      return reason;
    }
    // Somebody tidied up under the engine: that says nothing about the song.
    if (!(await exists(paths.out))) throw new Error('The scratch folder of the attempt was removed.');
    const error = reported ?? failure;
    if (error) return fail({ ...failure, ...error });

    reporter.advance({ percent: 99.5, stage: 'postprocessing' });
    const result = await examine(paths.out, request, seconds);
    if (result.error) return fail(result.error);
    await keepPreview(jobs, log, paths.out, request, claim.attempt);
    await failpoint('run:checked');
    if (!(await claim.beat())) return 'taken_over';
    if (await jobs.cancelRequested(id)) return end({ state: 'cancelled', warnings });
    if (!(await publish(paths.out, jobs.outputs(id)))) return end({ state: 'cancelled', warnings });
    await failpoint('run:published');
    return end({ ...result, warnings, report: { ...result.report, ...report } });
  }

  async function examine(folder: string, request: JobRequest, seconds: number) {
    try {
      return { state: 'succeeded' as const, report: await checkResult(folder, request, seconds) };
    } catch (error) {
      if (!(error instanceof InvalidResultError)) throw error;
      return { state: 'failed' as const, error: { code: 'invalid_result', detail: error.message } };
    }
  }

  /**
   * Aborts with a StopReason when the job is cancelled, the claim is lost, this worker stops, the attempt takes too long or its
   * engine was not `heard` for too long.
   */
  function watchAttempt(id: string, claim: Claim, shutdown: AbortSignal) {
    const controller = new AbortController();
    const stop = (reason: StopReason) => controller.abort(reason);
    const onShutdown = () => stop('shutdown');
    if (shutdown.aborted) onShutdown();
    else shutdown.addEventListener('abort', onShutdown, { once: true });
    const failed = (error: unknown) => log.warn({ jobId: id, err: error }, 'The claim cannot be looked after.');
    const heart = setInterval(() => void claim.beat().then((mine) => mine || stop('taken_over'), failed), heartbeatMs);
    const flag = setInterval(
      () => void jobs.cancelRequested(id).then((asked) => asked && stop('cancelled')),
      cancelPollMs,
    );
    const deadline = setTimeout(() => stop('run_timeout'), limits.run * 1000);
    const silence = setTimeout(() => stop('no_progress'), limits.silence * 1000);
    return {
      signal: controller.signal,
      heard: () => void silence.refresh(),
      end() {
        clearInterval(heart);
        clearInterval(flag);
        clearTimeout(deadline);
        clearTimeout(silence);
        shutdown.removeEventListener('abort', onShutdown);
      },
    };
  }

  /** An engine that runs into a full disk fails for a reason that has nothing to do with its song: such a job waits for room. */
  async function makeSureOfRoom({ id, audio }: JobRequest) {
    const { bavail, bsize } = await statfs(jobs.folder(id));
    if (bavail * bsize < 4 * audio.bytes + spareBytes)
      throw new Error('The disk has no room for this job; it is tried again.');
  }

  /** A folder of its own for each attempt, on the file system of the outputs, with the song under a safe name. */
  async function prepareAttempt(request: JobRequest, attempt: number): Promise<AttemptPaths> {
    const scratch = jobs.scratch(request.id, attempt);
    // Opus lies in an ogg container; programs that go by the name know it as that.
    const { format } = request.audio;
    const song = jobs.audio(request.audio);
    const paths = {
      audio: join(scratch, `audio.${format === 'opus' ? 'ogg' : format}`),
      request: join(scratch, 'request.json'),
      out: join(scratch, 'out'),
    };
    await mkdir(paths.out, { recursive: true });
    await link(song, paths.audio).catch(() => copyFile(song, paths.audio));
    const reference = copyForProgram(request, await jobs.readReference(request.id), basename(paths.audio));
    if (reference === null) return { ...paths, reference };
    await writeFile(join(scratch, 'reference.osu'), reference);
    return { ...paths, reference: join(scratch, 'reference.osu') };
  }
}

const timeoutDetail = {
  run_timeout: ({ run }: RunLimits) => `The run took longer than ${run} s.`,
  no_progress: ({ silence }: RunLimits) => `The engine said nothing for ${silence} s.`,
};
