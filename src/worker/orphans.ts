import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readAttempts } from '../shared/claim.ts';
import { isJobId, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { isRunning, killProcess, runningAttempts } from '../shared/process.ts';

/** A worker's name: its host and process number tell its neighbours whether it still lives. */
export const nameWorker = (): string => `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;

/** Ends the processes of attempts on this host: a worker that was killed cannot do it itself. */
export async function endProcesses(wanted: (attempt: string) => boolean) {
  for (const { pid, attempt } of await runningAttempts()) if (wanted(attempt)) killProcess(pid);
}

/**
 * Ends every engine on this host that works for nobody: its job has ended or was removed, another attempt has begun, or its worker is gone. One whose
 * worker only is silent may go on: it wakes, or somebody takes over.
 */
export async function endOrphans(jobs: Jobs, log: Log): Promise<void> {
  for (const { pid, attempt } of await runningAttempts()) {
    const [id = '', number] = attempt.split('/');
    // A record that is removed or broken at this moment says nothing; the next look is in a moment.
    if (!(await isOrphan(jobs, id, Number(number)).catch(() => false))) continue;
    log.warn({ jobId: id, attempt: Number(number), pid }, 'An engine worked for nobody and was ended.');
    killProcess(pid);
  }
}

async function isOrphan(jobs: Jobs, id: string, number: number): Promise<boolean> {
  if (!isJobId(id)) return false;
  if (!(await jobs.readRequest(id))) return jobs.isRemoved(id); // else it is of another service's data folder
  if (await jobs.readOutcome(id)) return true;
  const claim = (await readAttempts(jobs.folder(id))).at(-1);
  if (!claim || claim.attempt !== number || claim.state === 'released') return true;
  const [host, pid] = claim.owner.split(':');
  return host === hostname() && !isRunning(Number(pid));
}
