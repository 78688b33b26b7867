import { signal, type Signal } from '@preact/signals';

const KEY = 'preview-levels';

/** What of the player this browser remembers. */
export interface Levels {
  song: Signal<number>;
  hits: Signal<number>;
  muted: Signal<boolean>;
  /** How fast mania notes fall, in the game's unit. */
  scrollSpeed: Signal<number>;
}

export function remember(levels: Levels): void {
  const values = Object.entries(levels).map(([name, level]: [string, Signal<unknown>]) => [name, level.value]);
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(values)));
  } catch {
    // A browser that keeps nothing.
  }
}

/** What is not there or not of its kind is as at first. */
export function rememberedLevels(): Levels {
  let kept: Record<string, unknown> = {};
  try {
    kept = Object(JSON.parse(localStorage.getItem(KEY) ?? '{}')) as Record<string, unknown>;
  } catch {
    // Not ours, or a browser that keeps nothing.
  }
  const number = (name: string, most: number, otherwise: number) => {
    const value = kept[name];
    return signal(typeof value === 'number' && value >= 0 && value <= most ? value : otherwise);
  };
  return {
    song: number('song', 1, 0.7),
    hits: number('hits', 1, 0.6),
    muted: signal(kept['muted'] === true),
    scrollSpeed: number('scrollSpeed', 40, 22),
  };
}
