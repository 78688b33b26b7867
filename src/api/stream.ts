import { once } from 'node:events';
import { Router, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import { followEvents, isTerminal, readEvents, type NumberedEvent } from '../shared/events.ts';
import type { Jobs } from '../shared/jobs.ts';
import { isFinal } from '../shared/states.ts';
import type { Access } from './access.ts';
import type { Estimator } from './eta.ts';
import { errorText, readProgress, statusView } from './job-view.ts';
import { filesOf } from './results.ts';
import type { OutputLists } from './watcher.ts';

const beatMs = 15_000;
/** How long a job that has ended may be without its terminal event in the log. */
const settleAfterMs = 100;
const endAfterMs = 200;
const placeEveryMs = 500;
const etaEveryMs = 3_000;

interface Deps {
  access: Access;
  jobs: Jobs;
  cache: Cache;
  lists: OutputLists;
  estimator: Estimator;
  /** Aborts when the API stops: open streams end and their clients come back. */
  closing: AbortSignal;
}

/**
 * `GET /jobs/{id}/stream`: a snapshot, every event after `Last-Event-ID` from the log, then live ones, until the terminal
 * event. Event names and words are the seed's (`output`, `completed`, `failed`, `error`), with ids, plus `snapshot`, `state`,
 * `progress` and `warning`, and without an id `estimate`. An unknown job is 200 with one `error` event, as the seed has it.
 */
export function streamRoutes({ access, jobs, cache, lists, estimator, closing }: Deps): Router {
  async function stream(req: Request<{ id: string }>, res: Response) {
    const seen = await access.seenJob(req);
    // Not AbortSignal.any: on Node 20 `closing` would remember every stream there ever was.
    const over = new AbortController();
    const { signal } = over;
    const end = () => over.abort();
    closing.addEventListener('abort', end, { once: true });
    res.on('close', () => {
      closing.removeEventListener('abort', end);
      end();
    });
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const send = async (frame: string) => {
      if (!res.write(frame)) await once(res, 'drain', { signal });
    };

    if (!seen) {
      res.end(frame('error', '任务不存在'));
      return;
    }
    const { record } = seen;
    const { id } = record.request;
    const files = await filesOf(lists, record);
    const snapshot = statusView(record, await readProgress({ jobs, cache }, record), files);
    const after = await lastSeen(req, id);
    let sentAt = Date.now();
    let overSince = 0;
    let settled = false;
    const look = lookBeside(req, send);
    try {
      await send(frame('snapshot', JSON.stringify(snapshot)));
      for await (const found of followEvents(jobs.events(id), after, signal)) {
        if (!(await look())) break;
        if (found) {
          await send(describe(found));
          sentAt = Date.now();
          if (isTerminal(found)) break;
        } else if (await jobs.readOutcome(id)) {
          overSince ||= Date.now();
          const ms = Date.now() - overSince;
          // Nobody is writing the terminal event: a crash kept it from the log.
          if (!settled && ms >= settleAfterMs) await jobs.settle(id).then(() => (settled = true));
          if (ms >= endAfterMs) {
            await sendTerminalAgain(id, send);
            break;
          }
        } else if (Date.now() - sentAt >= beatMs) {
          await send(`: ping - ${new Date().toISOString()}\r\n\r\n`);
          sentAt = Date.now();
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      res.end();
    }
  }

  /**
   * Tells when the job's place or its estimated end has changed, looking now and then at what is in no log. False: the job was removed, or is no
   * longer the viewer's to see.
   */
  function lookBeside(req: Request<{ id: string }>, send: (frame: string) => Promise<void>) {
    let next = 0;
    let said = '';
    return async (): Promise<boolean> => {
      if (Date.now() < next) return true;
      const seen = await access.seenJob(req);
      if (!seen) return false;
      const { state } = seen.record;
      if (isFinal(state)) return true; // the log says so in a moment
      const estimate = await estimator.estimate(seen.record);
      next = Date.now() + (state === 'queued' ? placeEveryMs : etaEveryMs);
      // While a job waits, its end only comes nearer with its place; while it runs, with every look.
      const news = state === 'queued' ? `${estimate.ahead} ${estimate.eta !== null}` : JSON.stringify(estimate);
      if (news !== said) await send(frame('estimate', JSON.stringify(estimate)));
      said = news;
      return true;
    };
  }

  /**
   * The id that a viewer goes on from: a new EventSource cannot send the header and has `?after=`. One that is not in the log (yet) counts as
   * its last: nothing that comes is left out.
   */
  async function lastSeen(req: Request, id: string): Promise<number> {
    const asked = Number(req.get('last-event-id') ?? req.query['after'] ?? 0) || 0;
    if (asked <= 0) return 0;
    return Math.min(asked, (await readEvents(jobs.events(id))).at(-1)?.id ?? 0);
  }

  /** Whoever comes back after the terminal event gets it again, so that it stops asking. */
  async function sendTerminalAgain(id: string, send: (frame: string) => Promise<void>) {
    const last = (await readEvents(jobs.events(id))).findLast(isTerminal);
    if (last) await send(describe(last));
  }

  function describe({ id, event }: NumberedEvent): string {
    if (event.type === 'output') return frame('output', event.line, id);
    if (event.type !== 'state') return frame(event.type, JSON.stringify(event), id);
    if (!isFinal(event.state)) return frame('state', JSON.stringify(event), id);
    if (event.state === 'succeeded') return frame('completed', '处理完成', id);
    const reason = event.detail ?? errorText(event.state, null) ?? event.state;
    return frame('failed', `处理失败: ${reason}`, id);
  }

  return Router().get('/jobs/:id/stream', stream);
}

/** One server-sent event. Text of several lines becomes several data lines, as the standard has it. */
function frame(name: string, data: string, id?: number): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\r\n`);
  return `${id === undefined ? '' : `id: ${id}\r\n`}event: ${name}\r\n${lines.join('')}\r\n`;
}
