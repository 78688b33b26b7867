import type { Features } from './features.ts';
import type { TimingPoint } from './timing.ts';

/** Whether the song parts its beat into three. Not decided yet. */
export function isTriplet(_features: Features, _points: readonly TimingPoint[], _endMs: number): boolean {
  return false;
}
