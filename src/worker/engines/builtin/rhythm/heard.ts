import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';

/** Ticks of one bar, in order, as positions in the list of ticks. */
export interface Bar {
  number: number;
  first: number;
  ticks: readonly Tick[];
}

/**
 * How much attack and loudness speak for an event: a logistic regression on 60 human charts of 13 songs. It gives loudness 1.1 and its rise 0.4;
 * less of the one and more of the other agrees as well or better with the charts (F1 0.002), and people's density follows loudness less.
 */
const attack = { strength: 0.56, mid: 0.65, high: 0.16 };
const loudnessWeight = 0.6;
const riseWeight = 0.8;
const repeatWeight = 0.15;
const repeatDistances = [1, 2, 4, 8];

/** Attack at each tick in all bands, about 1 to 2 where something starts, and a share of what the bars 1, 2, 4 and 8 away have there. */
export function attacksOf(bars: readonly Bar[], ticks: readonly Tick[]): Float64Array {
  const own = Float64Array.from(ticks, ({ strength, mid, high }) => {
    return attack.strength * Math.log1p(strength) + attack.mid * Math.log1p(mid) + attack.high * Math.log1p(high);
  });
  const byNumber = new Map(bars.map((bar) => [bar.number, bar]));
  const heard = new Float64Array(ticks.length);
  for (const bar of bars) {
    const around = repeatDistances
      .flatMap((distance) => [byNumber.get(bar.number - distance), byNumber.get(bar.number + distance)])
      .filter((other) => other !== undefined && sameMetre(other, bar)) as Bar[];
    bar.ticks.forEach((_, k) => {
      const here = own[bar.first + k]!;
      const sum = around.reduce((total, other) => total + own[other.first + k]!, 0);
      heard[bar.first + k] = here + repeatWeight * (around.length > 0 ? sum / around.length : here);
    });
  }
  return heard;
}

/** How much louder than the song's mean, and than the tick before, each tick is (natural logarithm of the RMS), weighted as evidence. */
export function loudnessOf(ticks: readonly Tick[]): Float64Array {
  const levels = Float64Array.from(ticks, ({ loudness }) => Math.log(1e-3 + loudness));
  const mean = levels.reduce((sum, level) => sum + level, 0) / Math.max(1, levels.length);
  return levels.map((level, i) => loudnessWeight * (level - mean) + riseWeight * (level - (levels[i - 1] ?? level)));
}

export function barsOf({ grid: { ticks } }: Score): Bar[] {
  const bars: Bar[] = [];
  let first = 0;
  for (let i = 1; i <= ticks.length; i += 1) {
    if (i < ticks.length && ticks[i]!.bar === ticks[first]!.bar) continue;
    bars.push({ number: ticks[first]!.bar, first, ticks: ticks.slice(first, i) });
    first = i;
  }
  return bars;
}

/** Whether the two bars have the same places. */
export function sameMetre(a: Bar, b: Bar): boolean {
  return (
    a.ticks.length === b.ticks.length &&
    a.ticks[0]!.place === b.ticks[0]!.place &&
    a.ticks[0]!.tempo.ticksPerBeat === b.ticks[0]!.tempo.ticksPerBeat
  );
}
