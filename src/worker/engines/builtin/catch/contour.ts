import type { Tick } from '../hearing/grid.ts';
import type { Random } from '../random.ts';

const middle = 256;
const widest = 200;
/** Bars for which high tones lie on one side. */
const barsPerSide = 4;

/**
 * The melody as places on the playfield, px: the pitch of each tick, smoothed over its neighbours and drawn out to the width of
 * the song's own range; high on the right or on the left by seed and phrase.
 */
export function contourOf(ticks: readonly Tick[], random: Random): number[] {
  const smooth = ticks.map(
    ({ pitch }, i) => (2 * pitch + (ticks[i - 1] ?? ticks[i]!).pitch + (ticks[i + 1] ?? ticks[i]!).pitch) / 4,
  );
  const mean = smooth.reduce((sum, value) => sum + value, 0) / Math.max(1, smooth.length);
  const deviation = Math.sqrt(smooth.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, smooth.length));
  return ticks.map((tick, i) => {
    const height = (smooth[i]! - mean) / Math.max(deviation, 1e-6);
    const side = random('side', Math.floor(tick.bar / barsPerSide)) < 0.5 ? -1 : 1;
    const wander = random('wander', tick.bar) - 0.5;
    return Math.round(middle + side * widest * Math.tanh(0.8 * height + wander));
  });
}
