import type { Tick } from './grid.ts';
import { clap, finish, whistle } from './hit-objects.ts';

/**
 * The additions of an edge, by what is heard there and where in the bar it is: a finish on the strong downbeat of a section, a clap on
 * the second and fourth beat with high attacks, a whistle on harmonic accents. Depends on the song alone, so
 * every difficulty of a song sounds alike.
 */
export function edgeSound(tick: Tick, startsSection: boolean): number {
  const { place, tempo, strength, low, mid, high, phase } = tick;
  if (place === 0 && startsSection && strength > 0.8) return finish;
  const backbeat = phase === 0 && (place / tempo.ticksPerBeat) % 2 === 1;
  if (backbeat && high + mid > 1.2) return clap;
  if (mid > 1.6 && mid > low && phase < 2) return whistle;
  return 0;
}
