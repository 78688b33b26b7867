import { pino, type Logger } from 'pino';

export type Log = Logger;

/** The process's logger: JSON lines on stdout, fields first, then a fixed sentence. */
export function createLog(process: 'api' | 'worker', level: string): Log {
  return pino({ level, base: { process } });
}

/** Says the same of a job once, until it is over: what is tried again every few seconds does not flood the log. */
export function oncePerJob(say: (jobId: string, error?: unknown) => void) {
  const said = new Set<string>();
  return {
    say(jobId: string, error?: unknown) {
      if (said.has(jobId)) return;
      said.add(jobId);
      say(jobId, error);
    },
    over: (jobId: string) => void said.delete(jobId),
  };
}

/** A job that the disk, not its song, keeps from being run. */
export const troubleToRun = (log: Log) =>
  oncePerJob((jobId, err) => log.error({ jobId, err }, 'The job could not be run; it is tried again until it can.'));
