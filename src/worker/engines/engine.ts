import { writeFile } from 'node:fs/promises';
import type { JobError, Report } from '../../shared/jobs.ts';
import { attemptVariable, runProgram, type Command, type Exit } from '../../shared/process.ts';
import type { EngineName, JobRequest } from '../../shared/request.ts';
import { endProcesses } from '../orphans.ts';

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

/** One try of a job. `name`: `<job id>/<number>`. */
export interface Attempt {
  name: string;
  request: JobRequest;
  paths: AttemptPaths;
}

/** What an engine says while it runs. */
export interface EngineLine {
  /** A line for the job's log. */
  output?: string;
  /** Overall percent, 0 to 100. */
  progress?: { stage: string; percent: number };
  warning?: string;
  error?: JobError;
  report?: Partial<Report>;
}

/** What makes maps. */
export interface Engine {
  name: EngineName;
  /** Jobs that it can run at once now; 0 where it can run none at present. */
  capacity(): number;
  /** Whether this host has what the model needs. */
  has(model: string): Promise<boolean>;
  /** Calls back when what it can run has changed. */
  onChange(listener: () => void): void;
  /**
   * Runs one attempt and resolves when nothing works for it any more: with null where the engine says that the map is in
   * `paths.out`, else with why it is not. When the signal aborts it ends within seconds, with whatever error.
   */
  run(attempt: Attempt, say: (line: EngineLine) => void, signal: AbortSignal): Promise<JobError | null>;
  /** Ends what it keeps running between jobs. */
  close(): void;
}

/** How an attempt runs as a program of its own. */
export interface AttemptProgram {
  command: Command;
  /** Written to `paths.request` before the start. */
  document: unknown;
  read(line: string): EngineLine;
  explain(lastLines: string[], exit: Exit): JobError;
}

/** So many last lines of an engine explain a failure and are kept with it. */
export const keptLines = 20;

/** Runs one attempt as one process; the contract is that of Engine.run. */
export async function runAttempt(
  { name, paths }: Attempt,
  { command, document, read, explain }: AttemptProgram,
  say: (line: EngineLine) => void,
  signal: AbortSignal,
): Promise<JobError | null> {
  await writeFile(paths.request, JSON.stringify(document));
  const lastLines: string[] = [];
  const onLine = (text: string) => {
    lastLines.push(text);
    if (lastLines.length > keptLines) lastLines.shift();
    say({ output: text, ...read(text) });
  };
  let exit: Exit;
  try {
    exit = await runProgram({ ...command, env: { ...command.env, [attemptVariable]: name } }, onLine, signal);
  } catch (error) {
    return { code: 'engine_unavailable', detail: `The engine's program cannot be started: ${String(error)}` };
  }
  await endProcesses((attempt) => attempt === name); // what it has left behind outside of its group
  return exit.code === 0 ? null : { ...explain(lastLines, exit), exitCode: exit.code };
}
