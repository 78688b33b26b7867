import { pino, type Logger } from 'pino';

export type Log = Logger;

/** The process's logger: JSON lines on stdout, fields first, then a fixed sentence. */
export function createLog(process: 'api' | 'worker', level: string): Log {
  return pino({ level, base: { process } });
}
