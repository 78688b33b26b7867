import type { Beatmap } from './beatmap.ts';
import type { Find } from './issue.ts';

/** What a check may look at. */
export interface Judged {
  map: Beatmap;
  /** 0 Easy, 1 Normal, 2 Hard, 3 Insane, 4 Expert, 5 Ultra. */
  level: number;
  /** The lowest of several difficulties of its mode in one set. */
  lowest: boolean;
}

export type Check = (judged: Judged, find: Find) => void;

/** ms of play: from the first object to the last end, without breaks. */
export function drainMs({ objects, breaks }: Beatmap): number {
  const first = objects[0];
  if (!first) return 0;
  const rest = breaks.reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0);
  return lastEnd(objects) - first.time - rest;
}

export const lastEnd = (objects: Beatmap['objects']): number =>
  objects.reduce((latest, { end }) => Math.max(latest, end), -Infinity);
