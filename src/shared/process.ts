import { fork, spawn, type ChildProcess, type Serializable } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';

/** The one home of child processes. */

export interface Command {
  file: string;
  args: string[];
  cwd?: string;
  /** The whole environment of the program: nothing of ours is inherited. */
  env: Record<string, string>;
}

export interface Exit {
  code: number | null;
  signal: string | null;
}

const killAfterMs = 5_000;
/** So long after a program has ended are its pipes read that somebody else holds open. */
const pipesAfterExitMs = 1_000;
/** In the environment of every engine and all that it starts: `<job id>/<number>` of the attempt that it works for. */
export const attemptVariable = 'MAPPERATORINATOR_ATTEMPT';
const setpriv = '/usr/bin/setpriv';

/** A program that runs, in a process group of its own. */
export interface Program {
  /** Writes one line to its stdin; to one that has ended nothing is written. */
  send(line: string): void;
  /** Nothing more will be sent. */
  closeInput(): void;
  /** TERM to the whole group, and KILL 5 s later. */
  terminate(): void;
  /** KILL to the whole group. */
  kill(): void;
  /** When it has ended and its output is read. Rejects only when it cannot be started. */
  exit: Promise<Exit>;
}

/**
 * Starts a program in its own process group and gives each line of its stdout and stderr (split at \r and \n) to the
 * listeners. Where util-linux is there, the program dies with us.
 */
export function startProgram(
  command: Command,
  onLine: (line: string) => void,
  onErrorLine: (line: string) => void = onLine,
): Program {
  const { file, args } = existsSync(setpriv)
    ? { file: setpriv, args: ['--pdeathsig', 'KILL', command.file, ...command.args] }
    : command;
  const child = spawn(file, args, {
    ...(command.cwd ? { cwd: command.cwd } : {}),
    env: command.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // it has ended: its exit says so
  splitLines(child.stdout, onLine);
  splitLines(child.stderr, onErrorLine);
  let killer: NodeJS.Timeout | undefined;
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, name) => resolve({ code, signal: name }));
    // What keeps the pipes open must not keep the job: the group goes when its leader has gone, and nobody waits for what left the group.
    child.once('exit', () => {
      signalGroup(child, 'SIGKILL');
      setTimeout(() => [child.stdout, child.stderr].forEach((pipe) => pipe.destroy()), pipesAfterExitMs).unref();
    });
  }).finally(() => clearTimeout(killer));
  const kill = () => signalGroup(child, 'SIGKILL');
  return {
    send: (line) => void (child.stdin.writable && child.stdin.write(`${line}\n`)),
    closeInput: () => void child.stdin.end(),
    terminate() {
      signalGroup(child, 'SIGTERM');
      killer ??= setTimeout(kill, killAfterMs);
    },
    kill,
    exit,
  };
}

/** Runs a program to its end and gives each line to `onLine`; when the signal aborts it is terminated. Its stdin is empty. */
export async function runProgram(command: Command, onLine: (line: string) => void, signal: AbortSignal): Promise<Exit> {
  const program = startProgram(command, onLine);
  program.closeInput();
  if (signal.aborted) program.terminate();
  else signal.addEventListener('abort', program.terminate, { once: true });
  return program.exit.finally(() => signal.removeEventListener('abort', program.terminate));
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // gone already
  }
}

export interface RunningAttempt {
  pid: number;
  /** `<job id>/<number>` */
  attempt: string;
}

/** The processes on this host that work for an attempt, also those whose worker is gone. Linux; elsewhere none are found. */
export async function runningAttempts(): Promise<RunningAttempt[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''); // gone, or not ours
      const entry = environment.split('\0').find((text) => text.startsWith(`${attemptVariable}=`));
      return entry === undefined ? [] : [{ pid: Number(pid), attempt: entry.slice(attemptVariable.length + 1) }];
    }),
  );
  return found.flat();
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // somebody else's
  }
}

/** Kills at once. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function splitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split(/[\r\n]/);
    rest = (parts.pop() ?? '').slice(-65_536);
    for (const part of parts) if (part.trim() !== '') onLine(part);
  });
  stream.on('end', () => {
    if (rest.trim() !== '') onLine(rest);
  });
}

export interface ForkedModule {
  send(message: Serializable): void;
  onMessage(listener: (message: unknown) => void): void;
  onExit(listener: (exit: Exit) => void): void;
  kill(signal: NodeJS.Signals): void;
}

/** Starts one of our own modules as a process with an IPC channel, with our environment or the given one. */
export function forkModule(path: string, args: string[], env?: NodeJS.ProcessEnv): ForkedModule {
  const child = fork(path, args, { ...(env ? { env } : {}), stdio: 'inherit' });
  let over = (_exit: Exit) => undefined as void;
  child.once('exit', (code, signal) => over({ code, signal }));
  child.on('error', () => child.pid === undefined && over({ code: null, signal: null })); // else its exit is told
  return {
    send: (message) => void (child.connected && child.send(message, () => undefined)), // it may have just died
    onMessage: (listener) => void child.on('message', listener),
    onExit(listener) {
      const others = over;
      over = (exit) => {
        others(exit);
        listener(exit);
      };
    },
    kill: (signal) => void child.kill(signal),
  };
}
