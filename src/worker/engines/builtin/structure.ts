import { movingMean } from './features.ts';
import type { Grid } from './grid.ts';

/** A stretch of bars of one kind. */
export interface Section {
  firstBar: number;
  lastBar: number;
  /** Sections with the same label sound alike. */
  label: number;
  /** 0 (the calmest bar of the song) to 1 (the most intense). */
  intensity: number;
  kiai: boolean;
}

export interface Structure {
  /** Of each bar, 0 to 1, smoothed over three bars. */
  intensity: number[];
  /** In order; every bar is in one. */
  sections: Section[];
  /** For each bar the earlier bar that it sounds like, or null where there is none. */
  twins: (number | null)[];
  /** Where the song should be previewed, ms. */
  previewMs: number;
}

const kiaiShare = 0.42;
const sectionBars = 4;
const shortestKiai = 8;

/**
 * Intensity by bar (rank of loudness plus attacks), sections of four bars joined where alike, and the kiai: the most intense
 * sections of at least eight bars, at most 42 % of the song.
 */
export function findStructure({ ticks }: Grid, durationMs: number): Structure {
  const count = (ticks.at(-1)?.bar ?? -1) + 1;
  const energy = new Float32Array(count);
  for (const tick of ticks) energy[tick.bar]! += Math.log(1e-3 + tick.loudness) + 0.15 * (tick.strength + tick.low);
  const smooth = movingMean(energy, 1);
  const order = [...smooth.keys()].sort((a, b) => smooth[a]! - smooth[b]! || a - b);
  const intensity = new Array<number>(count).fill(0);
  order.forEach((bar, rank) => (intensity[bar] = count > 1 ? rank / (count - 1) : 1));

  const sections: Section[] = [];
  for (let bar = 0; bar < count; bar += sectionBars) {
    const bars = intensity.slice(bar, bar + sectionBars);
    const mean = bars.reduce((sum, value) => sum + value, 0) / bars.length;
    const last = sections.at(-1);
    if (last && Math.abs(last.intensity - mean) < 0.15) last.lastBar = bar + bars.length - 1;
    else {
      const label = sections.length;
      sections.push({ firstBar: bar, lastBar: bar + bars.length - 1, label, intensity: mean, kiai: false });
    }
  }
  let used = 0;
  for (const section of [...sections].sort((a, b) => b.intensity - a.intensity || a.firstBar - b.firstBar)) {
    const length = section.lastBar - section.firstBar + 1;
    if (section.intensity < 0.6 || length < shortestKiai || used + length > kiaiShare * count) continue;
    section.kiai = true;
    used += length;
  }
  const kiai = sections.find((section) => section.kiai);
  const previewMs = ticks.find((tick) => tick.bar === kiai?.firstBar)?.time ?? Math.round(durationMs * 0.4);
  return { intensity, sections, twins: intensity.map(() => null), previewMs };
}

/** The first bar that a bar sounds like. */
export function rootOf(bar: number, twins: readonly (number | null)[]): number {
  let root = bar;
  for (let twin = twins[root]; twin !== null && twin !== undefined; twin = twins[root]) root = twin;
  return root;
}
