import { quantised } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Mode } from '../plan.ts';

/** Events a beat at which the shares below were counted. */
const densities = [0, 0.45, 0.74, 0.89, 1.11, 1.37, 1.49, 1.71, 1.87, 2.1, 2.34, 2.75, 3.37, 4];
/**
 * Share of the places of a kind that carry an event, by events a beat: means over 114 ranked standard maps with slider ends and
 * reverses; taiko notes, mania rows and catch objects lie within 0.1 of them at the same density.
 */
const usage = {
  downbeat: [0, 0.87, 0.88, 0.89, 0.9, 0.91, 0.92, 0.93, 0.95, 0.97, 0.98, 0.99, 1, 1],
  middle: [0, 0.55, 0.63, 0.7, 0.74, 0.75, 0.77, 0.83, 0.86, 0.87, 0.88, 0.9, 0.97, 1],
  beat: [0, 0.07, 0.54, 0.66, 0.68, 0.76, 0.83, 0.91, 0.92, 0.93, 0.94, 0.95, 0.97, 1],
  firstHalf: [0, 0, 0.01, 0.08, 0.27, 0.45, 0.54, 0.62, 0.66, 0.73, 0.76, 0.86, 0.97, 1],
  half: [0, 0.04, 0.09, 0.15, 0.38, 0.5, 0.58, 0.82, 0.85, 0.86, 0.87, 0.9, 0.97, 1],
  afterBeat: [0, 0, 0, 0.005, 0.01, 0.012, 0.02, 0.03, 0.05, 0.13, 0.24, 0.38, 0.61, 1],
  beforeBeat: [0, 0, 0.005, 0.006, 0.02, 0.03, 0.04, 0.06, 0.11, 0.22, 0.35, 0.53, 0.77, 1],
} as const;
type Kind = keyof typeof usage;

/**
 * How much earlier or later than in the mean map beats, halves and quarters enter, by mode. Beats come earlier: which of them a person
 * leaves out is not what we would. Taiko has more quarters and fewer halves than the curves.
 */
const earliness: Record<Mode, readonly [number, number, number]> = {
  0: [0.6, 0.7, 0.95],
  1: [0.9, 1.1, 0.9],
  2: [0.8, 1, 0.95],
  3: [0.9, 1, 0.95],
};

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

/**
 * How much the entry goes by the odds, the rest by the usage curves. The odds come nearer to one person's rhythm, the curves to how often
 * people use halves and quarters; there are charts with songs for standard only.
 */
const oddsShare: Record<Mode, number> = { 0: 0.8, 1: 0, 2: 0, 3: 0 };

/**
 * How many events a beat earlier the heads of standard enter on beats, halves and quarters, by level: with it the gaps between heads come
 * nearest to their shares in ranked maps (quarters 16 to 20 % from Insane on) without a loss against human charts of the same songs. Quarters
 * have it where the song plays them.
 */
const headStart: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [0, 0.2, 0],
  [0, 0.15, 0.3],
  [0, 0, 0.4],
  [0, -0.1, 0.25],
  [0, -0.1, 0.1],
];

/**
 * The density (events a beat) from which on each tick carries an event. The order of the ticks by it is what matters: a sparse map's
 * events are among a dense one's.
 */
export function entriesOf(ticks: readonly Tick[], evidence: Float64Array, mode: Mode, level: number): Float64Array {
  const usual = usedFrom(ticks, evidence, mode);
  const share = oddsShare[mode];
  const voice = quarterVoice(ticks);
  return usual.map((entry, i) => {
    const tick = ticks[i]!;
    const mixed = share * likelyFrom(tick, evidence[i]!) + (1 - share) * entry;
    return mixed - (mode === 0 ? headStart[level]![tick.phase] * (tick.phase === 2 ? voice : 1) : 0);
  });
}

/**
 * Whether a song plays its quarters, 0 to 1, by their mean attack over that of its halves. Of ten songs, three whose people use quarters have
 * 0.57 to 0.74, of the seven others six 0.25 to 0.5.
 */
function quarterVoice(ticks: readonly Tick[]): number {
  const mean = (of: number) => {
    const attacks = ticks.filter(({ phase }) => phase === of).map(({ strength }) => strength);
    return attacks.reduce((sum, attack) => sum + attack, 0) / Math.max(1, attacks.length);
  };
  return Math.min(1, Math.max(0, (mean(2) / Math.max(1e-6, mean(1)) - 0.4) / 0.2));
}

function likelyFrom(tick: Tick, evidence: number): number {
  const { base, slope } = odds[kindOf(tick)];
  return (cut - base - trust * evidence + usualEvidence) / slope;
}

/**
 * By the usage curves: a tick's rank by evidence among the places of its kind, read backwards from the curve of that kind. So any
 * density has the share of beats, halves and quarters that human maps have, and the ticks with the most evidence come first.
 */
function usedFrom(ticks: readonly Tick[], evidence: Float64Array, mode: Mode): Float64Array {
  const kinds = new Map<Kind, number[]>();
  ticks.forEach((tick, i) => {
    const kind = kindOf(tick);
    const places = kinds.get(kind);
    if (places) places.push(i);
    else kinds.set(kind, [i]);
  });
  const entries = new Float64Array(ticks.length);
  for (const [kind, places] of kinds) {
    places.sort((a, b) => quantised(evidence[b]!) - quantised(evidence[a]!) || a - b);
    places.forEach((i, rank) => {
      entries[i] = densityAt(usage[kind], (rank + 0.5) / places.length) * earliness[mode][ticks[i]!.phase];
    });
  }
  return entries;
}

function kindOf({ place, phase, tempo }: Tick): Kind {
  const { ticksPerBeat, meter } = tempo;
  if (phase === 0) return place === 0 ? 'downbeat' : place * 2 === meter * ticksPerBeat ? 'middle' : 'beat';
  if (phase === 1) return place < ticksPerBeat ? 'firstHalf' : 'half';
  return place % ticksPerBeat === 1 ? 'afterBeat' : 'beforeBeat';
}

/** Where the rising `shares` reach `share`. */
function densityAt(shares: readonly number[], share: number): number {
  const above = shares.findIndex((value) => value >= share);
  const [from, to] = [shares[above - 1]!, shares[above]!];
  const [low, high] = [densities[above - 1]!, densities[above]!];
  return low + ((high - low) * (share - from)) / (to - from);
}
