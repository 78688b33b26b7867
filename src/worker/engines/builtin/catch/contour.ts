import type { Tick } from '../grid.ts';
import type { Random } from '../random.ts';

const middle = 256;
const widest = 190;

/** How bright a tick sounds, about −1 to 1; stands for its pitch. */
const brightness = ({ low, mid, high }: Tick): number => (mid + 2 * high - 2 * low) / (1e-3 + low + mid + high);

/** The melody as places on the playfield, px: how bright each tick sounds against the others, smoothed, one way round or the other by seed and bar. */
export function contourOf(ticks: readonly Tick[], random: Random): number[] {
  const values = ticks.map(brightness);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length));
  return ticks.map((tick, i) => {
    const around = (values[i - 1] ?? values[i]!) + 2 * values[i]! + (values[i + 1] ?? values[i]!);
    const height = (around / 4 - mean) / Math.max(deviation, 1e-6);
    const side = random('side', tick.bar >> 2) < 0.5 ? -1 : 1;
    const wander = random('wander', tick.bar) - 0.5;
    return Math.round(middle + side * widest * Math.tanh(0.8 * height + wander));
  });
}
