import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/cli/free-port.ts';
import { findRedis } from './programs.ts';

export interface RedisServer {
  url: string;
  port: number;
  pid: number;
  /** Ends it in order (SIGTERM), removes its folder. Also ends a frozen or dead one. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Its connections stay open and answer nothing, as on a host that hangs. */
  freeze(): void;
  thaw(): void;
}

/**
 * A redis-server of the caller's own on loopback, empty, with nothing saved; ready when this resolves. `port` is for a server that comes
 * back where another has died; `args` are added to the command line. It dies with the caller, also when the caller crashes.
 */
export async function startRedis({ port, args = [] }: { port?: number; args?: string[] } = {}): Promise<RedisServer> {
  const file = findRedis();
  const chosen = port ?? (await freePort());
  const dir = await mkdtemp(join(tmpdir(), 'redis-test-'));
  const defaults = ['--port', `${chosen}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
  const child = spawn(file, [...defaults, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').catch(() => undefined);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const killWithUs = () => void child.kill('SIGKILL');
  process.on('exit', killWithUs);

  async function end(signal: NodeJS.Signals) {
    process.off('exit', killWithUs);
    child.kill(signal);
    child.kill('SIGCONT');
    await ended;
    await rm(dir, { recursive: true, force: true });
  }

  try {
    await answers(chosen, () => child.exitCode !== null);
  } catch (error) {
    await end('SIGKILL');
    throw new Error(`redis-server did not start on port ${chosen}: ${said.trim()}`, { cause: error });
  }
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    pid: child.pid ?? 0,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}

async function answers(port: number, gone: () => boolean) {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && !gone()) {
    if (await pings(port)) return;
    await sleep(25);
  }
  throw new Error('no PONG');
}

async function pings(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(1000, () => socket.destroy());
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    // -NOAUTH and -LOADING are answers of a Redis too, but one with a password is up and one that loads is not.
    return /^(\+PONG|-NOAUTH)/.test(answer.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
