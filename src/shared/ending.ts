import { rm } from 'node:fs/promises';
import { finalProgress, metadataOf, type Cache } from './cache.ts';
import { furthest, readEvents, startedAt } from './events.ts';
import { failpoint } from './failpoint.ts';
import type { Jobs, Outcome } from './jobs.ts';

interface Deps {
  jobs: Jobs;
  cache: Cache;
}

/** Ends a job: writes its outcome, if it has none yet, and brings everything else in line. Only the claim's owner calls it. */
export async function endJob(deps: Deps, id: string, outcome: Outcome): Promise<void> {
  await rm(deps.jobs.scratch(id), { recursive: true, force: true }); // first: it may be what fills the disk
  await deps.jobs.finish(id, outcome);
  await failpoint('run:finished');
  await bringInLine(deps, id);
}

/**
 * Makes log, marker, files and cache agree with the outcome of a job that has ended. May be done again at any time: that is how
 * what a crash left half done is mended.
 */
export async function bringInLine({ jobs, cache }: Deps, id: string): Promise<void> {
  const outcome = await jobs.settle(id);
  const request = await jobs.readRequest(id);
  if (!outcome || !request) return;
  // An attempt that was thought dead may have published after the job had ended otherwise.
  if (outcome.state !== 'succeeded') await rm(jobs.outputs(id), { recursive: true, force: true });
  await rm(jobs.scratch(id), { recursive: true, force: true });
  const events = await readEvents(jobs.events(id));
  await Promise.all([
    cache.drop('output_files', id),
    cache.set('job_progress', id, finalProgress(outcome, furthest(events))),
    cache.set('job_metadata', id, metadataOf(request, startedAt(events) ?? request.createdAt, outcome)),
  ]);
}
