// What people do, by mode and stars: constants, so that a run without human maps has something to compare with.
// Ranges (p10 to p90) and fits are recorded from a study of 88 standard, 21 taiko, 19 catch and about 100 mania maps (stars by
// rosu-pp-js 3.1.0). The means of gaps and angles were measured with this program on the maps of the same sources (91, 21, 19, 115).

/** Lower bounds of the star buckets by mode. */
const bucketEdges = [
  [0, 2, 2.7, 4, 5.3, 6.5],
  [0, 2.5, 4, 5.3],
  [0, 2.7, 4, 5.3],
  [0, 2.5, 3.5, 4.5, 5.5],
];

export const bucketOf = (mode, stars) => bucketEdges[mode].filter((edge) => stars >= edge).length - 1;

/** Objects (notes in taiko and mania) a second of drain. */
export const densityFit = [
  (stars) => 0.77 * stars - 0.04,
  (stars) => 0.21 + 1.22 * stars,
  (stars) => 1 + 0.66 * stars,
  (stars) => 2.2 + 2.2 * stars,
];

const around = (mode) => (stars) => [0.75 * densityFit[mode](stars), 1.25 * densityFit[mode](stars)];
const standardDensity = [
  [0.8, 1.5],
  [1.5, 2.1],
  [1.9, 3.2],
  [2.9, 4.2],
  [3.5, 5.5],
  [3.3, 7.5],
];
const maniaDensity = [
  [3.4, 4.9],
  [6.6, 9.5],
  [9.2, 14.7],
  [11.5, 17.4],
  [11.7, 18.2],
];

/** p10 to p90 of the density; where a bucket has too few maps for that (taiko, catch), a quarter around the fit. */
export const densityRange = [
  (stars) => standardDensity[bucketOf(0, stars)],
  around(1),
  around(2),
  (stars) => maniaDensity[bucketOf(3, stars)],
];

const gaps = (quarter, half, whole) => ({ quarter, half, whole, other: Math.max(0, 1 - quarter - half - whole) });

/** Mean shares of the gaps between heads (rows in mania), by bucket. */
export const gapMeans = [
  [
    gaps(0, 0.03, 0.16),
    gaps(0.02, 0.23, 0.29),
    gaps(0.04, 0.29, 0.34),
    gaps(0.16, 0.39, 0.28),
    gaps(0.2, 0.41, 0.23),
    gaps(0.22, 0.39, 0.25),
  ],
  [gaps(0, 0.2, 0.51), gaps(0.21, 0.46, 0.22), gaps(0.43, 0.4, 0.09), gaps(0.48, 0.35, 0.09)],
  [gaps(0, 0.09, 0.34), gaps(0.17, 0.33, 0.31), gaps(0.17, 0.4, 0.29), gaps(0.17, 0.41, 0.25)],
  [
    gaps(0.08, 0.37, 0.24),
    gaps(0.39, 0.51, 0.04),
    gaps(0.54, 0.28, 0.03),
    gaps(0.39, 0.35, 0.04),
    gaps(0.43, 0.22, 0.04),
  ],
];

/** osu!standard: p10 to p90 of the sliders' share, by bucket. */
export const sliderShareRange = [
  [0.62, 0.82],
  [0.21, 0.76],
  [0.35, 0.7],
  [0.25, 0.6],
  [0.26, 0.55],
  [0.29, 0.61],
];

/** osu!standard: median distance at half-beat steps, px. */
export const distanceHalfFit = (stars) => 6.6 + 26.4 * stars;

/** osu!standard: mean shares of angles at half-beat jumps, by bucket; Easy maps have too few. */
export const angleMeans = [
  undefined,
  { sharp: 0.09, wide: 0.25, flow: 0.66 },
  { sharp: 0.16, wide: 0.38, flow: 0.46 },
  { sharp: 0.42, wide: 0.36, flow: 0.22 },
  { sharp: 0.61, wide: 0.27, flow: 0.12 },
  { sharp: 0.58, wide: 0.3, flow: 0.13 },
];

/** osu!catch: most hyperdashes and dashes of a map's moves, by level Cup, Salad, Platter, Rain, Overdose and above. */
export const catchLimits = [
  { hyper: 0, dash: 0 },
  { hyper: 0, dash: 0.15 },
  { hyper: 0.1, dash: 0.3 },
  { hyper: 0.3, dash: 0.35 },
  { hyper: 0.45, dash: 0.35 },
  { hyper: 0.45, dash: 0.35 },
];

/** Level of a map by its stars: Easy, Normal, Hard, Insane, Expert, Expert+. */
export const levelOf = (stars) => [2, 2.7, 4, 5.3, 6.5].filter((bound) => stars >= bound).length;

/** In osu! maps a beat is written this much before its sound is heard, ms (median over 74 ranked songs). */
export const osuLagMs = 21;
