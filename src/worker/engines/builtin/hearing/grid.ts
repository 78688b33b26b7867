import type { Features } from './features.ts';
import type { Harmony } from './harmony.ts';
import { hear, type Heard } from './hear.ts';
import { isSwung } from './swing.ts';
import type { TimingPoint } from '../timing/timing.ts';

/** A stretch of the song under one timing point. */
export interface Tempo {
  point: TimingPoint;
  /** Length of the grid's beat, ms. */
  beatMs: number;
  /** Grid beats in one beat of the timing point: 2 for a slow song, 0.5 for a very fast one. */
  pulse: number;
  /** Grid beats in a bar. */
  meter: number;
  /** 4, or 3 where the song is swung or in triplets: the same in all tempos of a song. */
  ticksPerBeat: number;
}

/** A place of the grid that can carry an edge of an object. */
export interface Tick extends Heard {
  /** Position in `Grid.ticks`: neighbours differ by one, also over a change of tempo. */
  index: number;
  /** Whole ms, in osu!'s convention. */
  time: number;
  tempo: Tempo;
  /** Bars since the song's first, which may lack its beginning; so may the last bar before a new tempo lack its end. */
  bar: number;
  /** Ticks since the start of the bar. */
  place: number;
  /** 0 on the beat, 1 on its half (of a triplet: its third third, the swung off-beat), 2 elsewhere. */
  phase: 0 | 1 | 2;
}

export interface Grid {
  /** All ticks of the song in order of time. */
  ticks: Tick[];
  tempos: Tempo[];
}

/**
 * The ranking criteria's rhythm rules are written for 180 BPM: up to 90 BPM a half of the beat takes the part of the beat, from
 * 240 BPM on two beats do. The bounds are a little wider here, where a map for them would be too thin or too dense.
 */
function pulseOf(bpm: number): number {
  let pulse = 1;
  while (bpm * pulse < 100 && pulse < finestPulse) pulse *= 2;
  while (bpm * pulse > 230) pulse /= 2;
  return pulse;
}

/** Its ticks are sixteenths of the beat, the finest that a map may have. */
const finestPulse = 4;

/** A slow song may swing in its halved beats or in its beats, which then are not halved. */
const swingPulses = [pulseOf, (bpm: number) => Math.min(1, pulseOf(bpm))];

/** Grid beats in a bar: of a divided beat as many as the meter has, unless the bar would then end between beats. */
function gridMeter(meter: number, pulse: number): number {
  return pulse > 1 && meter % pulse !== 0 ? meter * pulse : meter;
}

/** How a grid is laid otherwise than the song suggests. */
export interface GridOptions {
  /** Whether the beat is parted into three and not into four; left out, the song decides. */
  swing?: boolean;
  /** Factor on the grid beats in a beat: 2 for a denser grid than usual, 0.5 for a thinner one. */
  shift?: number;
}

/**
 * All ticks of the song from its first timing point (or 0) to `endMs` (in osu!'s convention) with what is heard there: nothing is mapped
 * before the first red line.
 */
export function layGrid(
  features: Features,
  harmony: Harmony,
  points: readonly TimingPoint[],
  endMs: number,
  { swing, shift = 1 }: GridOptions = {},
): Grid {
  const swungPulse =
    swing === false
      ? undefined
      : swingPulses.find((of) => isSwung(features, points, endMs, (bpm) => 60_000 / bpm / of(bpm)));
  const ticksPerBeat = (swing ?? swungPulse) ? 3 : 4;
  const tempos = points.map((point): Tempo => {
    const pulse = (swungPulse ?? pulseOf)(point.bpm) * shift;
    const meter = gridMeter(point.meter, pulse);
    return { point, pulse, meter, beatMs: 60_000 / point.bpm / pulse, ticksPerBeat };
  });
  const spots = placeTicks(tempos, endMs);
  const heard = hear(features, harmony, spots);
  return { tempos, ticks: spots.map((spot, i) => ({ ...spot, ...heard[i]! })) };
}

/** The grid without what is heard. */
export type Spot = Omit<Tick, keyof Heard>;

function placeTicks(tempos: readonly Tempo[], endMs: number): Spot[] {
  const spots: Spot[] = [];
  let bars = 0;
  tempos.forEach((tempo, i) => {
    const { offsetMs } = tempo.point;
    const step = tempo.beatMs / tempo.ticksPerBeat;
    const perBar = tempo.meter * tempo.ticksPerBeat;
    const next = tempos[i + 1];
    // The last tick before a new tempo must not crowd its first.
    const end = Math.min(endMs, next ? next.point.offsetMs - 0.75 * step : endMs);
    const first = Math.max(0, Math.ceil(-offsetMs / step));
    const firstBar = Math.floor(first / perBar);
    for (let k = first; offsetMs + k * step <= end; k += 1) {
      const place = k % perBar;
      const inBeat = place % tempo.ticksPerBeat;
      spots.push({
        index: spots.length,
        time: Math.max(0, Math.floor(offsetMs + k * step + 1e-6)),
        tempo,
        bar: bars + Math.floor(k / perBar) - firstBar,
        place,
        phase: inBeat === 0 ? 0 : inBeat === 2 ? 1 : 2,
      });
    }
    bars = (spots.at(-1)?.bar ?? -1) + 1;
  });
  return spots;
}
