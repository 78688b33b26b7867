import { mod } from './rhythm.ts';
import { ticksPerBar, ticksPerBeat, type Tick } from './grid.ts';

/** Bits of an edge's sound in the .osu format. */
const whistle = 2;
const finish = 4;
const clap = 8;

/**
 * The sound of an edge, by what is heard there and where in the bar it is: a finish on the strong downbeat of a section, a clap on
 * the second and fourth beat with high attacks, a whistle on harmonic accents. Depends on the song alone, so
 * every difficulty of a song sounds alike.
 */
export function edgeSound(tick: Tick, startsSection: boolean): number {
  const place = mod(tick.index, ticksPerBar);
  if (place === 0 && startsSection && tick.strength > 0.8) return finish;
  const backbeat = place === ticksPerBeat || place === 3 * ticksPerBeat;
  if (backbeat && tick.high + tick.mid > 1.2) return clap;
  if (tick.mid > 1.6 && tick.mid > tick.low && place % 2 === 0) return whistle;
  return 0;
}
