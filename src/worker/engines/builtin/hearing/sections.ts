import { likeness, type Bar } from './bars.ts';

/** A stretch of bars, `first` to before `end`; the same label for stretches that sound alike. */
export interface Stretch {
  first: number;
  end: number;
  label: number;
}

/** Half widths in bars of the two kernels of Foote's novelty. */
const halfKernels = [2, 4];
/** How much it counts beside where repeats begin and end. */
const footeWeight = 0.3;
/** Bars on either side of a bar line that say whether a repeat begins or ends there. */
const repeatBars = 4;
/** Repeats are looked for this far back: 17 minutes of four-beat bars at 120 BPM. Bounds the cost for very long songs. */
const farthest = 512;
/** From here on a change is a change; the start of the music after a silence would outweigh all others. */
const mostNovel = 3;
const shortest = 4;
const longest = 32;
/** What a further boundary must bring, in standard deviations of the novelty. */
const boundaryCost = 0.9;
/** Music goes in fours and eights. */
const lengthBonus = (bars: number) => (bars % 8 === 0 ? 0.5 : bars % 4 === 0 ? 0.35 : bars % 2 === 0 ? 0 : -0.3);
/** Stretches at least this alike on average get one label. */
const sameLabel = 0.55;

/** Parts the bars where the music changes and finds out which parts sound alike. Linear in the bars but for pairs of sections. */
export function partSong(bars: readonly Bar[]): Stretch[] {
  const bounds = boundaries(noveltyOf(bars), bars);
  const stretches = bounds.slice(0, -1).map((first, i) => ({ first, end: bounds[i + 1]!, label: i }));
  return labelled(stretches, bars);
}

/**
 * How much speaks for a section to begin at each bar, in standard deviations from the middle (both by the median, so that a fade at the
 * end does not hide the rest). Where human maps of 18 tuning songs have a kiai begin or end, repeats stand in the song's 89th percentile in the
 * mean, Foote's novelty with kernels of 4 and 8 bars in its 62nd, of 8 and 16 bars in its 57th.
 */
function noveltyOf(bars: readonly Bar[]): Float64Array {
  const near = bars.map((bar, i) =>
    Float32Array.from({ length: Math.min(i, farthest) + 1 }, (_, d) => likeness(bar.vector, bars[i - d]!.vector)),
  );
  const repeats = standardised(repeatChanges(near));
  const foote = standardised(footeNovelty(near));
  return standardised(repeats.map((value, i) => value + footeWeight * foote[i]!));
}

/**
 * Sums over all earlier and later bars: how alike the bars from here on are to those from there on, less the same for the bars before, cubed. High
 * where a repeat of some other part begins or ends.
 */
function repeatChanges(near: readonly Float32Array[]): Float64Array {
  const changes = new Float64Array(near.length);
  const alike = (bar: number, lag: number) => Math.max(0, near[bar]?.[lag] ?? 0);
  for (let lag = repeatBars; lag < Math.min(near.length, farthest); lag += 1) {
    for (let bar = lag; bar < near.length; bar += 1) {
      let change = 0;
      for (let i = 0; i < repeatBars; i += 1) {
        change += alike(bar + i, lag);
        if (bar - 1 - i >= lag) change -= alike(bar - 1 - i, lag);
      }
      const cubed = Math.abs(change / repeatBars) ** 3;
      changes[bar]! += cubed;
      changes[bar - lag]! += cubed;
    }
  }
  return changes;
}

/** How alike the bars before and those from each bar on are within, less how alike they are across; Gaussian weights. */
function footeNovelty(near: readonly Float32Array[]): Float64Array {
  const novelty = new Float64Array(near.length);
  for (let at = 1; at < near.length; at += 1) {
    for (const half of halfKernels) {
      const reach = Math.min(half, at, near.length - at);
      let [sum, weights] = [0, 0];
      for (let i = -reach; i < reach; i += 1) {
        for (let j = -reach; j < i; j += 1) {
          const weight = Math.exp(-2 * (((i + 0.5) / half) ** 2 + ((j + 0.5) / half) ** 2));
          sum += weight * near[at + i]![i - j]! * (i >= 0 && j < 0 ? -1 : 1);
          weights += weight;
        }
      }
      novelty[at]! += weights > 0 ? (sum / weights) * (reach / half) : 0;
    }
  }
  return novelty;
}

function standardised(values: Float64Array): Float64Array {
  const middle = median([...values]);
  const spread = 1.48 * median([...values].map((value) => Math.abs(value - middle))) + 1e-6;
  return values.map((value) => Math.min(mostNovel, (value - middle) / spread));
}

/** The boundaries with the most novelty, in lengths that music has: dynamic programming over all ways to part the bars. */
function boundaries(novelty: Float64Array, bars: readonly Bar[]): number[] {
  const count = bars.length;
  const best = new Float64Array(count + 1).fill(-Infinity);
  const from = new Int32Array(count + 1);
  best[0] = 0;
  for (let end = 1; end <= count; end += 1) {
    const gain = end === count ? 0 : novelty[end]! - boundaryCost;
    for (let length = 1; length <= Math.min(longest, end); length += 1) {
      const start = end - length;
      const atEdge = start === 0 || end === count;
      if (length < shortest && !atEdge) continue;
      const score = best[start]! + gain + (atEdge ? 0 : lengthBonus(length));
      if (score > best[end]! + 1e-9) {
        best[end] = score;
        from[end] = start;
      }
    }
  }
  const bounds = [count];
  while (bounds[0]! > 0) bounds.unshift(from[bounds[0]!]!);
  return bounds;
}

/** Average-linkage merging of the stretches by how alike their bars are, one by one in order and as a whole. */
function labelled(stretches: Stretch[], bars: readonly Bar[]): Stretch[] {
  const means = stretches.map(({ first, end }) => meanOf(bars.slice(first, end)));
  const alike = stretches.map((a, i) =>
    stretches.map((b, j) => 0.6 * alignedLikeness(a, b, bars) + 0.4 * likeness(means[i]!, means[j]!)),
  );
  const clusters = new Map(stretches.map((_, i) => [i, 1]));
  for (;;) {
    let [best, into, gone] = [sameLabel, -1, -1];
    for (const a of clusters.keys())
      for (const b of clusters.keys()) if (a < b && alike[a]![b]! > best) [best, into, gone] = [alike[a]![b]!, a, b];
    if (into < 0) break;
    const [sizeA, sizeB] = [clusters.get(into)!, clusters.get(gone)!];
    for (const other of clusters.keys()) {
      const mean = (sizeA * alike[into]![other]! + sizeB * alike[gone]![other]!) / (sizeA + sizeB);
      alike[into]![other] = alike[other]![into] = mean;
    }
    clusters.set(into, sizeA + sizeB);
    clusters.delete(gone);
    for (const stretch of stretches) if (stretch.label === gone) stretch.label = into;
  }
  const names = [...new Set(stretches.map(({ label }) => label))];
  return stretches.map((stretch) => ({ ...stretch, label: names.indexOf(stretch.label) }));
}

/** Mean likeness of the bars at the same place, from the starts. */
function alignedLikeness(a: Stretch, b: Stretch, bars: readonly Bar[]): number {
  const length = Math.min(a.end - a.first, b.end - b.first);
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += likeness(bars[a.first + i]!.vector, bars[b.first + i]!.vector);
  return sum / length;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function meanOf(bars: readonly Bar[]): Float32Array {
  const mean = new Float32Array(bars[0]!.vector.length);
  for (const { vector } of bars) for (let i = 0; i < mean.length; i += 1) mean[i]! += vector[i]! / bars.length;
  return mean;
}
