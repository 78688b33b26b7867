// What is measured of a chart against its song: onsets under the objects, density with the music, bars that come back.
import { auc, mean, share, spearman } from '../numbers.mjs';
import { barMasks, densityWindows } from './common.mjs';

/** Distances at which an object counts as supported by an onset, ms. */
const supportMs = [10, 20, 30];

/** `lagMs`: how much later than written a time is heard. */
export function againstSong(chart, audio, lagMs) {
  const heads = [...new Set(chart.objects.filter(({ kind }) => kind !== 'spinner').map(({ time }) => time))];
  const apart = heads.map((time) => nearestDistance(audio.onsets, time + lagMs));
  const [at10, at20, at30] = supportMs.map((limit) => share(apart, (distance) => distance <= limit));
  const windows = densityWindows(chart, heads);
  const loudness = windows.map(({ from, to }) => audio.loudness(from + lagMs, to + lagMs));
  const counts = windows.map(({ count }) => count);
  return {
    onset10: at10,
    onset20: at20,
    onset30: at30,
    dynamics: spearman(counts, loudness),
    repeatLikeness: repeatLikeness(chart, audio, heads, lagMs),
    ...(chart.mode === 1 ? { colourAuc: colourAuc(chart, audio, lagMs) } : {}),
  };
}

/** Distance from a time to the nearest of a sorted list. */
function nearestDistance(sorted, time) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < time) low = middle + 1;
    else high = middle;
  }
  return Math.min(time - (sorted[low - 1] ?? -Infinity), (sorted[low] ?? Infinity) - time);
}

/** Fewest pairs of like bars with which a song counts as one that repeats. */
const fewestPairs = 8;

/** Mean F1 of the quarter-beat masks of bars that sound alike; NaN in a song that does not repeat. */
function repeatLikeness(chart, audio, heads, lagMs) {
  const masks = new Map(barMasks(chart, heads).map(({ bar, mask }) => [bar, new Set(mask.split(' '))]));
  const bars = barTimes(chart, lagMs);
  const pairs = audio.repeats(bars);
  if (pairs.length < fewestPairs) return NaN;
  return mean(
    pairs.map(([a, b]) => {
      const [one, two] = [masks.get(bars[a].bar) ?? new Set(), masks.get(bars[b].bar) ?? new Set()];
      const common = [...one].filter((slot) => two.has(slot)).length;
      return one.size + two.size === 0 ? 1 : (2 * common) / (one.size + two.size);
    }),
  );
}

/** Whole bars between the first and the last object as { bar, from, to } in heard time. */
function barTimes({ grid, first, last }, lagMs) {
  const bars = [];
  for (let time = first; time < last;) {
    const { bar, barBeat, beatMs, meter } = grid.at(time);
    const from = time - barBeat * beatMs;
    const to = from + meter * beatMs;
    if (to <= last + 1 && bars.at(-1)?.bar !== bar) bars.push({ bar, from: from + lagMs, to: to + lagMs });
    time = to + 1;
  }
  return bars;
}

/** How well high against low flux at a note tells kat from don. */
function colourAuc({ objects }, audio, lagMs) {
  const notes = objects.filter(({ kind }) => kind === 'circle');
  const brightness = notes.map(({ time }) => {
    const [low, high] = ['low', 'high'].map((band) => audio.fluxAt[band](time + lagMs));
    return high / (low + high + 1e-6);
  });
  return auc(
    brightness,
    notes.map(({ bits }) => (bits & (2 | 8)) !== 0),
  );
}
