import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from './config.ts';
import type { Log } from './log.ts';

/**
 * All Redis connections are made here, of three kinds. A link: for anything a request waits for; a command is refused at
 * once while Redis is away and after 100 ms while it hangs. Patient: for workers, whose commands wait for Redis to return.
 * The monitor's own.
 */
const retryStrategy = (times: number) =>
  Math.min(100 * 2 ** Math.min(times, 5), 1500) + Math.floor(Math.random() * 100);

/** What ioredis says of a command that was not answered. */
const timedOut = 'Command timed out';

/** Why Redis cannot be used, for people. Where a name has several addresses, Node's error is empty and holds one for each. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const said = error instanceof Error ? error.message || error.name : String(error);
  if (said === timedOut) return 'it does not answer';
  if (said.startsWith("Stream isn't writeable")) return 'the connection is closed';
  if (said.startsWith('NOAUTH')) return 'it wants a password (REDIS_PASSWORD)';
  return said.replace(/\.$/, '');
}

/** A request may meet two hanging Redis, the cache's and the queue's, and must not wait longer than 250 ms for both. */
const commandMs = 100;
const probeEveryMs = 1_000;
/** So many failed probes in a row, and the connection is made anew: its host may be gone without a word. */
const probesBeforeReconnect = 3;
/** An outage shorter than this is not worth a line in the log. */
const logAfterMs = 1_000;

export interface RedisLink {
  /** For commands. Use it only while the link is up. */
  redis: Redis;
  role: string;
  /** Redis answers and takes writes. */
  up(): boolean;
  /** Why it is down; null while it is up. */
  reason(): string | null;
  /** Resolves when it is up or when `ms` have passed, whichever is first. */
  upWithin(ms: number): Promise<boolean>;
  /** Called each time that it comes up. */
  onUp(listener: () => void): void;
  /** Called each time that it goes down. */
  onDown(listener: () => void): void;
  close(): void;
}

/**
 * A connection with a breaker. It is up after a probe was answered and down as soon as a command times out, the connection
 * closes or a probe fails; nobody waits for a Redis that is down. The probe is a write of nothing, so that a Redis that is out of
 * memory, a replica or unable to save counts as away too.
 */
export function connectLink(address: RedisAddress, log: Log, role: string): RedisLink {
  const redis = new Redis({
    ...address,
    connectTimeout: 5000,
    retryStrategy,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandMs,
  });
  const listeners = { up: [] as (() => void)[], down: [] as (() => void)[] };
  let reason: string | null = 'not connected yet';
  let failedProbes = 0;
  let logged: 'nothing' | 'away' | 'connected' = 'nothing';
  let lineAboutAway: NodeJS.Timeout | undefined = setTimeout(logAway, logAfterMs);
  let closed = false;

  function logAway() {
    lineAboutAway = undefined;
    log.warn({ role, reason }, 'Redis is away; going on without it.');
    logged = 'away';
  }

  function goUp() {
    failedProbes = 0;
    if (reason === null) return;
    reason = null;
    clearTimeout(lineAboutAway);
    if (logged !== 'connected') log.info({ role }, logged === 'away' ? 'Redis is back.' : 'Redis is connected.');
    logged = 'connected';
    for (const listener of listeners.up) listener();
  }

  function goDown(why: string) {
    const wasUp = reason === null;
    // A refused password is followed by a closed connection: the first says more.
    if (wasUp || why !== 'the connection is closed') reason = why;
    if (!wasUp || closed) return;
    lineAboutAway = setTimeout(logAway, logAfterMs);
    for (const listener of listeners.down) listener();
  }

  async function probe() {
    if (redis.status !== 'ready') return;
    try {
      await redis.select(address.db); // ioredis goes on in database 0 when the server has no such one
      await redis.setrange('mapperatorinator:probe', 0, ''); // stores nothing, makes no key
      goUp();
    } catch (error) {
      goDown(reasonOf(error));
      failedProbes += 1;
      if (failedProbes % probesBeforeReconnect === 0) redis.disconnect(true);
    }
  }

  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    command.promise.catch((error: Error) => {
      if (error.message !== timedOut) return;
      const wasUp = reason === null;
      goDown(reasonOf(error));
      if (wasUp) void probe();
    });
    return send(command, stream);
  };
  redis.on('error', (error: Error) => goDown(reasonOf(error)));
  redis.on('close', () => goDown('the connection is closed'));
  redis.on('ready', () => void probe());
  const timer = setInterval(() => void probe(), probeEveryMs);

  return {
    redis,
    role,
    up: () => reason === null,
    reason: () => reason,
    upWithin(ms) {
      if (reason === null) return Promise.resolve(true);
      return new Promise((resolve) => {
        const deadline = setTimeout(() => resolve(false), ms);
        listeners.up.push(() => {
          clearTimeout(deadline);
          resolve(true);
        });
      });
    },
    onUp: (listener) => void listeners.up.push(listener),
    onDown: (listener) => void listeners.down.push(listener),
    close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(lineAboutAway);
      redis.disconnect();
    },
  };
}

/** Options of a patient connection. `maxRetriesPerRequest: null` must be said: BullMQ forces it on one of its two only. */
export function patientOptions(address: RedisAddress): RedisOptions {
  return { ...address, connectTimeout: 5000, retryStrategy, maxRetriesPerRequest: null };
}

/**
 * A connection of a command that somebody looks at: nothing waits in it, and until it was up once nothing is tried twice, so that
 * `connect()` fails with the first reason. One that was up and is lost is made anew. Listen to its `error`.
 */
export function monitorConnection(address: RedisAddress): Redis {
  let wasUp = false;
  const redis = new Redis({
    ...address,
    lazyConnect: true,
    connectTimeout: 5000,
    commandTimeout: 5000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => (wasUp ? retryStrategy(times) : null),
  });
  redis.once('ready', () => (wasUp = true));
  return redis;
}
