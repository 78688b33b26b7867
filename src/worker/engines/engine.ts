import type { JobError, Report } from '../../shared/jobs.ts';
import type { Command, Exit } from '../../shared/process.ts';
import type { EngineName, JobRequest } from '../../shared/request.ts';

/** Where one attempt works. All absolute. */
export interface AttemptPaths {
  /** The song under a safe name. */
  audio: string;
  /** A copy of the beatmap that was sent along or of the timing that is known, safe for a program to read; null: none. */
  reference: string | null;
  /** Where the program finds what it is asked for. */
  request: string;
  /** Where the program writes its files; this folder is published. */
  out: string;
}

/** What one line of an engine's output says. */
export interface EngineLine {
  /** Overall percent, 0 to 100. */
  progress?: { stage: string; percent: number };
  warning?: string;
  error?: JobError;
  report?: Partial<Report>;
}

/** An engine is a program plus pure functions: how to start it, what its lines say, why it failed. */
export interface Engine {
  name: EngineName;
  /** The program, and the document that is written to `paths.request` before it starts. */
  start(request: JobRequest, paths: AttemptPaths): { command: Command; document: unknown };
  reader(request: JobRequest): (line: string) => EngineLine;
  explain(lastLines: string[], exit: Exit): JobError;
}
