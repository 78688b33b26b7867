import { copyFile, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cutOffWarning, measureSong } from '../shared/audio-length.ts';
import type { Cache } from '../shared/cache.ts';
import { heartbeatMs, takeClaim, type Claim } from '../shared/claim.ts';
import { mendLog, readEvents } from '../shared/events.ts';
import { failpoint } from '../shared/failpoint.ts';
import { listOutputs, publish, type JobError, type Jobs, type Outcome, type Report } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { runProgram, type Exit } from '../shared/process.ts';
import type { Delivery } from '../shared/queue.ts';
import type { EngineName, JobRequest } from '../shared/request.ts';
import { checkResult, InvalidResultError } from './check.ts';
import type { AttemptPaths, Engine } from './engines/engine.ts';
import { createProgressReporter, type ProgressReporter } from './progress.ts';

const cancelPollMs = 250;
const keptLines = 20;
/** A job that killed this many workers is not tried again. */
const maxLostWorkers = 2;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  engines: ReadonlyMap<EngineName, Engine>;
  owner: string;
  maxAudioSeconds: number;
  log: Log;
}

/** Why an attempt is stopped from outside. The first reason stays. */
type StopReason = 'cancelled' | 'shutdown' | 'taken_over';

type Ending = Pick<Outcome, 'state' | 'report' | 'error'> & { warnings?: string[] };

/**
 * Runs a job from its record to its outcome. Every delivery, by BullMQ or by the forked worker's channel, comes through
 * here, and only the claim's owner goes on (claim.ts). Throws when the disk does; then nothing is decided and the job is
 * delivered again.
 */
export function createRunner({ jobs, cache, engines, owner, maxAudioSeconds, log }: Deps) {
  return async function run(id: string, shutdown: AbortSignal): Promise<Delivery> {
    const request = await jobs.readRequest(id);
    if (!request || (await jobs.readOutcome(id))) return ended(id);
    const claim = await takeClaim(jobs.folder(id), owner);
    if (!claim) return 'held';
    await failpoint('run:claimed');
    if (await jobs.readOutcome(id)) return ended(id); // it ended between the look and the claim

    const jobLog = log.child({ jobId: id, attempt: claim.attempt });
    let outcome: Awaited<ReturnType<typeof decide>>;
    try {
      outcome = await decide(request, claim, shutdown, jobLog);
    } catch (error) {
      await claim.release().catch(() => undefined); // this worker lives: nothing was lost
      throw error;
    }
    if (outcome === 'shutdown') {
      await claim.release();
      jobLog.info('The job was given back: this worker stops.');
      return 'released';
    }
    if (outcome === 'taken_over') {
      jobLog.warn('The job was taken over by another worker; this attempt is dropped.');
      return 'held';
    }
    await jobs.finish(id, outcome);
    await failpoint('run:finished');
    await writeFinalProgress(id, outcome);
    await rm(jobs.scratch(id), { recursive: true, force: true });
    jobLog.info({ state: outcome.state, code: outcome.error?.code }, 'The job ended.');
    return 'ended';
  };

  async function ended(id: string): Promise<Delivery> {
    await jobs.settle(id);
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
      return end(await examine(jobs.outputs(id), request, seconds));
    }
    if (claim.lostBefore >= maxLostWorkers) {
      const detail = `${claim.lostBefore} workers died while they ran this job.`;
      return end({ state: 'failed', error: { code: 'worker_lost', detail } });
    }
    const engine = engines.get(request.engine);
    if (!engine) throw new Error(`This worker has no engine "${request.engine}".`);

    await mendLog(jobs.events(id));
    const reporter = createProgressReporter({ id, log, cache, path: jobs.events(id), from: await reached(id) });
    reporter.event({ at: Date.now(), type: 'state', state: 'running', attempt: claim.attempt });
    reporter.advance({ percent: 0, stage: 'started' });
    await writeMetadata(request);
    jobLog.info({ engine: request.engine, model: request.model }, 'The job runs.');
    const stop = watchClaim(id, claim, shutdown);
    try {
      return await attempt(request, engine, claim, reporter, stop.signal, end);
    } finally {
      stop.end();
      await reporter.close();
    }
  }

  async function attempt(
    request: JobRequest,
    engine: Engine,
    claim: Claim,
    reporter: ProgressReporter,
    signal: AbortSignal,
    end: (rest: Ending) => Outcome,
  ): Promise<Outcome | 'shutdown' | 'taken_over'> {
    const { id } = request;
    const { seconds, cutOff } = await measureSong(jobs.audio(request.audio), request.audio.format, signal);
    if (seconds > maxAudioSeconds) {
      const detail = `The song lasts ${Math.round(seconds)} s; at most ${maxAudioSeconds} s are taken.`;
      return end({ state: 'failed', error: { code: 'audio_too_long', detail } });
    }
    const paths = await prepareAttempt(request, claim.attempt);
    const { command, document } = engine.start(request, paths);
    await writeFile(paths.request, JSON.stringify(document));
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
    const read = engine.reader(request);
    const onLine = (text: string) => {
      reporter.output(text);
      lastLines.push(text.slice(0, 500));
      if (lastLines.length > keptLines) lastLines.shift();
      const line = read(text);
      if (line.progress) reporter.advance(line.progress);
      if (line.warning !== undefined) warn(line.warning);
      if (line.report) report = { ...report, ...line.report };
      reported ??= line.error;
    };

    let exit: Exit;
    try {
      exit = await runProgram(command, onLine, signal);
    } catch (error) {
      const detail = `The engine's program cannot be started: ${String(error)}`;
      return end({ state: 'failed', error: { code: 'engine_unavailable', detail } });
    }
    if (signal.aborted) {
      const reason = signal.reason as StopReason;
      return reason === 'cancelled' ? end({ state: 'cancelled', warnings }) : reason;
    }

    const fail = (error: JobError) =>
      end({
        state: 'failed',
        warnings,
        error: { ...error, stage: reporter.stage(), exitCode: exit.code, output: lastLines },
      });
    if (reported || exit.code !== 0) return fail(reported ?? engine.explain(lastLines, exit));

    reporter.advance({ percent: 99.5, stage: 'postprocessing' });
    const result = await examine(paths.out, request, seconds);
    if (result.error) return fail(result.error);
    await failpoint('run:checked');
    if (!(await claim.beat())) return 'taken_over';
    await publish(paths.out, jobs.outputs(id));
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

  /** Aborts with a StopReason when the job is cancelled, the claim is lost or this worker stops. */
  function watchClaim(id: string, claim: Claim, shutdown: AbortSignal) {
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
    return {
      signal: controller.signal,
      end() {
        clearInterval(heart);
        clearInterval(flag);
        shutdown.removeEventListener('abort', onShutdown);
      },
    };
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
    return paths;
  }

  /** The progress that an earlier attempt of this job had shown. */
  async function reached(id: string): Promise<number> {
    const events = await readEvents(jobs.events(id));
    return events.reduce((most, { event }) => (event.type === 'progress' ? Math.max(most, event.progress) : most), 0);
  }

  async function writeMetadata({ id, audio, model, params }: JobRequest) {
    await cache.set('job_metadata', id, {
      audio_path: audio.path,
      audio_filename: audio.filename,
      params: { model, ...params },
      start_time: Date.now() / 1000,
    });
  }

  async function writeFinalProgress(id: string, outcome: Outcome) {
    const at = outcome.finishedAt / 1000;
    const succeeded = outcome.state === 'succeeded';
    await cache.drop('output_files', id);
    await cache.set('job_progress', id, {
      progress: succeeded ? 100 : Math.min(99, await reached(id)),
      stage: succeeded ? 'completed' : 'failed',
      last_update: at,
      estimated: false,
      completed_at: at,
    });
  }
}
