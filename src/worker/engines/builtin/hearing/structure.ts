import { likeness, measureBars, type Bar } from './bars.ts';
import { movingMean } from './features.ts';
import type { Grid } from './grid.ts';
import type { Harmony } from './harmony.ts';
import { chooseKiai } from './kiai.ts';
import { partSong, type Stretch } from './sections.ts';

/** A stretch of bars of one kind. */
export interface Section {
  firstBar: number;
  lastBar: number;
  /** Sections with the same label sound alike. */
  label: number;
  /** Mean of its bars', 0 to 1. */
  intensity: number;
  kiai: boolean;
}

export interface Structure {
  /** Of each bar, 0 (the calmest) to 1 (the most intense): where its fullness and attacks stand within the song. */
  intensity: number[];
  /** In order; every bar is in one. A kiai begins on a downbeat. */
  sections: Section[];
  /** For each bar an earlier bar of the same meter that it sounds like, or null where there is none. */
  twins: (number | null)[];
  /** Where the song should be previewed, ms: the start of its first kiai. */
  previewMs: number;
}

/** Sections, repeats, intensity and kiai of a song. Time and memory grow with the bars, and with the pairs of sections. */
export function findStructure({ ticks }: Grid, harmony: Harmony): Structure {
  const bars = measureBars(ticks, harmony);
  const intensity = intensityOf(bars);
  const stretches = bars.length > 0 ? partSong(bars) : [];
  const sections = chooseKiai(stretches.map(section(intensity)), intensity, bars);
  const kiai = sections.find((candidate) => candidate.kiai);
  const duration = harmony.frames * harmony.hopMs;
  return {
    intensity,
    sections,
    twins: twinsOf(bars, stretches),
    previewMs: kiai ? bars[kiai.firstBar]!.startMs : Math.round(duration * 0.4),
  };
}

const section =
  (intensity: readonly number[]) =>
  ({ first, end, label }: Stretch): Section => {
    const mean = intensity.slice(first, end).reduce((sum, value) => sum + value, 0) / (end - first);
    return { firstBar: first, lastBar: end - 1, label, intensity: mean, kiai: false };
  };

/**
 * The fullness of the spectrum and, a third as much, the attacks, by rank, so that one silent bar does not press all others together.
 * On 18 tuning songs fullness alone tells bars with a human kiai from others with an AUC of .92 (loudness .84, attacks .68), on 26 charts
 * the mixture's rank correlation with the density is .48 in the median (.64 for osu! maps; loudness .42, bass .11, spectral flux −.03).
 */
function intensityOf(bars: readonly Bar[]): number[] {
  const full = ranks(bars.map(({ fullness }) => fullness));
  const attacks = ranks(bars.map((bar) => bar.attacks));
  const mixed = Float32Array.from(bars, (_, i) => full[i]! + attacks[i]! / 3);
  return ranks([...movingMean(mixed, 1)]);
}

/** Place of each value in the order of all, 0 to 1; equal values in order of the song. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const places = new Array<number>(values.length).fill(1);
  if (values.length > 1) order.forEach((at, rank) => (places[at] = rank / (values.length - 1)));
  return places;
}

/** Two bars are twins from this likeness on: 73 % of the bars of the tuning songs have one (tenth percentile 52 %). */
const twinLikeness = 0.3;
const repeatDistances = [4, 8, 2, 1];
/** The aligned bar of a like section is preferred by this much. */
const alignedBonus = 0.1;

/**
 * For each bar the most alike of the aligned bars of earlier sections with its label and those 4, 8, 2 and 1 back. In 14 human charts the heads
 * of a bar and its twin agree with an F1 of .84, those of a bar and the one before .75, of any two .66.
 */
function twinsOf(bars: readonly Bar[], stretches: readonly Stretch[]): (number | null)[] {
  return stretches.flatMap((stretch, number) => {
    const earlier = stretches.slice(0, number).filter(({ label }) => label === stretch.label);
    return Array.from({ length: stretch.end - stretch.first }, (_, i) => {
      const bar = stretch.first + i;
      const aligned = earlier.filter(({ first, end }) => first + i < end).map(({ first }) => first + i);
      const candidates = [...aligned.slice(-mostAligned), ...repeatDistances.map((distance) => bar - distance)];
      let [twin, best]: [number | null, number] = [null, -Infinity];
      candidates.forEach((other, k) => {
        if (other < 0 || !sameShape(bars[bar]!, bars[other]!)) return;
        const alike = likeness(bars[bar]!.vector, bars[other]!.vector);
        const worth = alike + (k < candidates.length - repeatDistances.length ? alignedBonus : 0);
        if (alike >= twinLikeness && worth > best) [twin, best] = [other, worth];
      });
      return twin;
    });
  });
}

/** Earlier sections that a bar is compared with; a bound for very long songs. */
const mostAligned = 16;

const sameShape = (a: Bar, b: Bar) => a.whole && b.whole && a.shape === b.shape;

/** The first bar that a bar sounds like. */
export function rootOf(bar: number, twins: readonly (number | null)[]): number {
  let root = bar;
  for (let twin = twins[root]; twin !== null && twin !== undefined; twin = twins[root]) root = twin;
  return root;
}
