import { appendFile, open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from './claim.ts';
import { isFinal, type State } from './states.ts';

/**
 * A job's event log: `events.jsonl`, one JSON event a line, append only. An event's id is its line number (from 1), so
 * every viewer, on any API process and after any restart, sees the same lines under the same ids. The first terminal event is the
 * last that anybody sees: two processes that mend a log at once, or an attempt that was thought dead, may write behind it.
 */
export type JobEvent = { at: number } & (
  | { type: 'state'; state: State; attempt?: number; detail?: string }
  | { type: 'progress'; progress: number; stage: string; estimated: boolean }
  | { type: 'output'; line: string }
  | { type: 'warning'; detail: string }
);

export interface NumberedEvent {
  id: number;
  event: JobEvent;
}

/** Whether this event ends its job. */
export const isTerminal = ({ event }: NumberedEvent): boolean => event.type === 'state' && isFinal(event.state);

/** The highest percentage that was shown. */
export const furthest = (events: NumberedEvent[]): number =>
  events.reduce((most, { event }) => (event.type === 'progress' ? Math.max(most, event.progress) : most), 0);

/** When the first attempt began, epoch ms; undefined for a job that never ran. */
export const startedAt = (events: NumberedEvent[]): number | undefined =>
  events.find(({ event }) => event.type === 'state' && event.state === 'running')?.event.at;

/** How often a viewer looks for more: often while there is something to see, so that it is shown within 100 ms. */
const pollMs = { lively: 30, quiet: 100 };
const livelyForMs = 2_000;

export async function appendEvents(path: string, events: JobEvent[]): Promise<void> {
  await appendFile(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** A writer that died in the middle of a line leaves half of one: it is closed here, so that the next starts clean. */
export async function mendLog(path: string): Promise<void> {
  const file = await open(path, 'a+');
  try {
    const { size } = await file.stat();
    if (size === 0) return;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] !== 0x0a) await file.appendFile('\n');
  } finally {
    await file.close();
  }
}

/** Every event after id `after` that is on disk now. A job without a log has none. */
export async function readEvents(path: string, after = 0): Promise<NumberedEvent[]> {
  const file = await openLog(path);
  if (!file) return [];
  try {
    return await createReader(file, after)();
  } finally {
    await file.close();
  }
}

/**
 * Every event after id `after`, then live ones, until the consumer stops or the signal aborts. A viewer reads at its
 * own pace from the file, so a slow one delays nobody. `null` is yielded at each look that found nothing new.
 */
export async function* followEvents(path: string, after: number, signal: AbortSignal) {
  const file = await openLog(path);
  if (!file) return;
  try {
    const next = createReader(file, after);
    let lively = Date.now() + livelyForMs;
    while (!signal.aborted) {
      const events = await next();
      if (events.length > 0) {
        lively = Date.now() + livelyForMs;
        yield* events;
      } else {
        yield null;
        const ms = Date.now() < lively ? pollMs.lively : pollMs.quiet;
        await sleep(ms, undefined, { signal }).catch(() => undefined);
      }
    }
  } finally {
    await file.close();
  }
}

async function openLog(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/**
 * Each call gives the whole lines that were added since the last one, up to the first terminal event. Unreadable lines keep their
 * number and are left out.
 */
function createReader(file: FileHandle, after: number) {
  const chunk = Buffer.alloc(64 * 1024);
  let position = 0;
  let rest = Buffer.alloc(0);
  let id = 0;
  let over = false;
  return async function next(): Promise<NumberedEvent[]> {
    const found: NumberedEvent[] = [];
    while (!over) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return found;
      position += bytesRead;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        const text = rest.subarray(0, end).toString('utf8');
        rest = rest.subarray(end + 1);
        id += 1;
        const event = parse(text);
        if (!event) continue;
        if (id > after) found.push({ id, event });
        if (isTerminal({ id, event })) {
          over = true;
          break;
        }
      }
    }
    return found;
  };
}

function parse(text: string): JobEvent | null {
  try {
    return JSON.parse(text) as JobEvent;
  } catch {
    return null;
  }
}
