import { signal, type Signal } from '@preact/signals';
import { isObject, remembered } from '../memory.ts';

/** What of the player this browser remembers. */
export interface Levels {
  song: Signal<number>;
  hits: Signal<number>;
  muted: Signal<boolean>;
  /** How fast mania notes fall, in the game's unit. */
  scrollSpeed: Signal<number>;
}
type Kept = { [Name in keyof Levels]: Levels[Name]['value'] };

const isUpTo = (most: number, value: unknown) => typeof value === 'number' && value >= 0 && value <= most;
const isKept = (value: unknown): value is Kept =>
  isObject(value) &&
  isUpTo(1, value['song']) &&
  isUpTo(1, value['hits']) &&
  isUpTo(40, value['scrollSpeed']) &&
  typeof value['muted'] === 'boolean';
const kept = remembered<Kept>('player', { song: 0.7, hits: 0.6, muted: false, scrollSpeed: 22 }, isKept);

export function remember({ song, hits, muted, scrollSpeed }: Levels): void {
  kept.value = { song: song.value, hits: hits.value, muted: muted.value, scrollSpeed: scrollSpeed.value };
}

export function rememberedLevels(): Levels {
  const { song, hits, muted, scrollSpeed } = kept.peek();
  return { song: signal(song), hits: signal(hits), muted: signal(muted), scrollSpeed: signal(scrollSpeed) };
}
