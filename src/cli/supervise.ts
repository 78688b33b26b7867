import { createConcurrently, LogError, Logger, LogOutput, type Command } from 'concurrently';
import type { Started } from './procfile.ts';

/** A wrong configuration (exit code 2) will be as wrong the next time. */
const misconfigured = 2;
const firstDelayMs = 1_000;
const longestDelayMs = 30_000;
/** A process that has run this long was well; its next crash counts as its first. */
const healthyAfterMs = 60_000;
/** Above the time that an API or a worker gives itself to stop. */
const killAfterMs = 25_000;

export interface Supervision {
  /** Ends every process in order, by force after 25 s. */
  stop(): void;
  /** The exit code, when all processes have ended: 0 when `stop` was asked for, 2 when one is not configured. */
  ended: Promise<number>;
}

/** How long to wait before the next start of a process that has ended `crashes` times in a row; milliseconds. */
export const restartDelayMs = (crashes: number) => Math.min(longestDelayMs, firstDelayMs * 2 ** (crashes - 1));

/** Runs the processes, prefixes what they say with their names, and starts again what ends unasked. */
export function supervise(processes: Started[]): Supervision {
  const logger = new Logger({ prefixFormat: '{name} |' });
  const width = Math.max(...processes.map(({ name }) => name.length));
  const { promise: ended, resolve: finish } = withResolvers<number>();
  const restarts = new Map<Command, NodeJS.Timeout>();
  let running = 0;
  let stopping = false;
  let exitCode = 0;

  function keepUp(command: Command) {
    let crashes = 0;
    running += 1;
    command.close.subscribe(({ exitCode: code, timings }) => {
      running -= 1;
      if (!stopping && code === misconfigured) {
        exitCode = misconfigured;
        stop();
      }
      if (stopping) {
        if (running === 0) finish(exitCode);
        return;
      }
      crashes = timings.durationSeconds * 1000 > healthyAfterMs ? 1 : crashes + 1;
      const delay = restartDelayMs(crashes);
      logger.logCommandEvent(`ended (${code}), starts again in ${delay / 1000} s`, command);
      const start = () => {
        running += 1;
        command.start();
      };
      restarts.set(command, setTimeout(start, delay));
    });
  }

  const { commands, result } = createConcurrently(
    processes.map(({ name, command }) => ({ name: name.padEnd(width), command: direct(command), ipc: 3 })),
    {
      logger,
      outputStream: process.stdout,
      prefixColors: ['cyan', 'green', 'yellow', 'magenta', 'blue'],
      controllers: [
        new LogError({ logger }),
        new LogOutput({ logger }),
        { handle: (all) => (all.forEach(keepUp), { commands: all }) },
      ],
      // Only the process itself: it ends its own children in order, and an engine that is killed beside it would look failed.
      kill: (pid, signal) => void process.kill(pid, signal),
    },
  );
  // It speaks of first ends only; we go on after those.
  result.catch(() => undefined);

  function stop() {
    if (stopping) return;
    stopping = true;
    restarts.forEach((timer) => clearTimeout(timer));
    if (running === 0) finish(exitCode);
    commands.forEach((command) => command.kill('SIGTERM'));
    setTimeout(() => commands.forEach((command) => command.kill('SIGKILL')), killAfterMs).unref();
  }

  return { stop, ended };
}

/** Without the shell staying in between, so that signals and the IPC channel reach the program. */
const direct = (command: string) => (process.platform === 'win32' ? command : command.replace(/^(?=node )/, 'exec '));

function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
