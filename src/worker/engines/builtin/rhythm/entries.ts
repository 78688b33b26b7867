import { quantised } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Mode } from '../plan.ts';

/**
 * Log odds that a beat, a half and a quarter carry an event, by events a beat d: a + b × ln d. Logistic regressions over maps by people: heads of
 * 122 standard, notes of 21 taiko, heads, reverses and ends of 19 catch and rows of 112 mania maps. What they add up to is d again
 * within 0.1; with the stars as a third term they fit no better.
 */
const usage: Record<Mode, readonly (readonly [a: number, b: number])[]> = {
  0: [
    [0.65, 1.34],
    [-0.84, 2.17],
    [-3.94, 4.24],
  ],
  1: [
    [0.8, 1.64],
    [-0.91, 2.59],
    [-4.13, 4.05],
  ],
  2: [
    [1.2, 1.63],
    [-1.02, 3.62],
    [-5.91, 5.7],
  ],
  3: [
    [0.82, 1.74],
    [-0.73, 2.63],
    [-5.31, 5.3],
  ],
};

type Kind = 'downbeat' | 'middle' | 'beat' | 'firstHalf' | 'half' | 'afterBeat' | 'beforeBeat';

/**
 * Log odds that a place of a kind carries an event: base + slope × events a beat + what is heard. A logistic regression on 60 human
 * charts of 13 songs (osu!standard heads, rows of dance charts); with each song left out in turn the likeliest places, as many as the
 * chart has, reach an F1 of 0.65 to 0.79.
 */
const odds: Record<Kind, { base: number; slope: number }> = {
  downbeat: { base: -0.98, slope: 0.48 },
  middle: { base: -2.41, slope: 1.03 },
  beat: { base: -4.32, slope: 1.95 },
  firstHalf: { base: -5.78, slope: 1.98 },
  half: { base: -5.92, slope: 2.72 },
  afterBeat: { base: -7.73, slope: 2.41 },
  beforeBeat: { base: -7.63, slope: 2.88 },
};
/** Log odds at which about as many places are taken as were asked for. */
const cut = -0.3;
/** Evidence counts twice what the regression says, less its usual amount: the same F1, with more different bars. */
const trust = 2;
const usualEvidence = 1.5;

const everyLevel = (share: number) => [share, share, share, share, share, share];

/**
 * How much the entry goes by the odds, by level; the rest goes by the usage curves. The odds come nearest to one person's rhythm, the curves to how
 * much people use halves and quarters. With 0.8 in standard a quarter of its maps have gaps near people's mean, with these nearly half; heads of
 * dense charts agree 0.015 less. Mania has nothing of the odds, with which its gaps are no better.
 */
const oddsShare: Record<Mode, readonly number[]> = {
  0: [0.6, 0.25, 0.3, 0.7, 0.4, 0.4],
  1: everyLevel(0.3),
  2: everyLevel(0.2),
  3: everyLevel(0),
};

/**
 * How much earlier the halves and quarters of standard enter, by level, as a factor: a part of its heads off the beat becomes ends of sliders.
 * Chosen by the gaps between heads of maps.
 */
const halfLead = [1, 0.8, 0.8, 1, 1, 1];
const quarterLead = [1, 1, 1, 0.8, 1.1, 1.1];

/**
 * The density (events a beat) from which on each tick carries an event. The order of the ticks by it is what matters: a sparse map's
 * events are among a dense one's.
 */
export function entriesOf(ticks: readonly Tick[], evidence: Float64Array, mode: Mode, level: number): Float64Array {
  const likely = Float64Array.from(ticks, (tick, i) => likelyFrom(tick, evidence[i]!));
  const share = oddsShare[mode][level]!;
  const leads = mode === 0 ? [1, halfLead[level]!, quarterLead[level]!] : [1, 1, 1];
  return usedFrom(ticks, likely, mode).map(
    (entry, i) => (share * likely[i]! + (1 - share) * entry) * leads[ticks[i]!.phase]!,
  );
}

function likelyFrom(tick: Tick, evidence: number): number {
  const { base, slope } = odds[kindOf(tick)];
  return (cut - base - trust * evidence + usualEvidence) / slope;
}

/**
 * By the usage curves: a tick's rank by its odds among the ticks of its phase, read backwards from the curve of that phase. So any density
 * has the shares of beats, halves and quarters that people's maps have.
 */
function usedFrom(ticks: readonly Tick[], likely: Float64Array, mode: Mode): Float64Array {
  const entries = new Float64Array(ticks.length);
  usage[mode].forEach(([a, b], phase) => {
    const places = [...ticks.keys()].filter((i) => ticks[i]!.phase === phase);
    places.sort((i, j) => quantised(likely[i]!) - quantised(likely[j]!) || i - j);
    places.forEach((i, rank) => {
      const share = (rank + 0.5) / places.length;
      entries[i] = Math.exp((Math.log(share / (1 - share)) - a) / b);
    });
  });
  return entries;
}

function kindOf({ place, phase, tempo }: Tick): Kind {
  const { ticksPerBeat, meter } = tempo;
  if (phase === 0) return place === 0 ? 'downbeat' : place * 2 === meter * ticksPerBeat ? 'middle' : 'beat';
  if (phase === 1) return place < ticksPerBeat ? 'firstHalf' : 'half';
  return place % ticksPerBeat === 1 ? 'afterBeat' : 'beforeBeat';
}
