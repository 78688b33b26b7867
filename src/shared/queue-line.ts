import type { Redis } from 'ioredis';

/** Of the jobs before another, so many are named. */
const shownBefore = 50;

/** Who is before a job in its engine's queue. */
export interface Line {
  /** How many start before it. */
  ahead: number;
  /** The first of them, in order. */
  first: string[];
  /** Those that run. */
  running: string[];
}

/**
 * Who is before a job, by BullMQ's lists, whose keys `keyOf` knows. One round trip, whose cost does not grow with the queue: every job has
 * a priority, and those that wait are a sorted set. In `wait` are only what an earlier version left and what a lost worker had; they come first.
 */
export async function readLine(redis: Redis, keyOf: (list: string) => string, id: string): Promise<Line> {
  const [wait, prioritized, delayed] = [keyOf('wait'), keyOf('prioritized'), keyOf('delayed')];
  const answers = await redis
    .multi()
    .zrank(prioritized, id)
    .lpos(wait, id)
    .zrank(delayed, id)
    .lrange(keyOf('active'), 0, -1)
    .llen(wait)
    .zcard(prioritized)
    .lrange(wait, -shownBefore, -1)
    .zrange(prioritized, '0', `${shownBefore - 1}`)
    .exec();
  const values = (answers ?? []).map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
  type Values = [number | null, number | null, number | null, string[], number, number, string[], string[]];
  const [rank, place, delay, running, waiting, ranked, firstWaiting, firstRanked] = values as Values;

  function countAhead(): number {
    if (running.includes(id)) return 0;
    if (place !== null) return waiting - 1 - place; // taken from the end of the list
    if (rank !== null) return waiting + rank;
    return waiting + ranked + (delay ?? 0); // one that is put back, or not there yet, goes behind those that are
  }
  const ahead = countAhead();
  const order = [...firstWaiting.reverse(), ...firstRanked];
  return { ahead, first: order.slice(0, Math.min(ahead, shownBefore)), running };
}
