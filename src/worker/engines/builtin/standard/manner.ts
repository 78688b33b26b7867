import type { Plan } from '../plan.ts';

/** How a map of osu!standard is made: what level, year and descriptors come to, in numbers. Distances in px, rates 0 to 1. */
export interface Manner {
  /** Share of the objects that are sliders. */
  sliderShare: number;
  /** Share of the sliders that turn back. */
  reverseShare: number;
  /** How much long sliders are liked more than usual (0), or less. */
  longSliders: number;
  /** Sliders of a quarter beat: their usual share times 2 to this power. */
  kickSliders: number;
  /** Distance of two objects half a beat apart. */
  halfPx: number;
  /** How the distance grows with gaps longer than half a beat: (gap ÷ half a beat) ^ growth. */
  growth: number;
  /** Largest and smallest scale of a pattern's distances. */
  scales: readonly [low: number, high: number];
  /** Factor on distances in the calmest and the most intense bars. */
  sections: readonly [calm: number, intense: number];
  /** How much attack strength widens a distance. */
  accent: number;
  /** Distance within a stream. */
  streamPx: number;
  /** No distance is wider. */
  farthest: number;
  /** Share of quarter-beat doubles and triples that are stacked, and of other circles on the one before. */
  stackShare: number;
  pairShare: number;
  /** Shares of angles below 60°, of 60 to 120° and above, at jumps. */
  angles: readonly [sharp: number, middle: number, wide: number];
  /** How exactly patterns have equal sides and angles, 0 to 1. */
  regular: number;
  /** Patterns of equal sides and of reversal are liked by this factor. */
  polygons: number;
  lines: number;
  /** How often a bar that sounds like an earlier one repeats its patterns, mirrored. */
  reuse: number;
  /** How often a pattern is followed by its mirror image. */
  mirror: number;
  /** How much speaks for taking after what was there before. */
  loyalty: number;
  /** Coordinates are multiples of this. */
  gridPx: number;
  /** Shares of straight, arched and Bézier sliders. */
  paths: readonly [line: number, arc: number, bezier: number];
  /** Slider speed in calm sections, in kiai, and by how much it changes from bar to bar. */
  speeds: { calm: number; kiai: number; swing: number };
  /** Spinners for a minute and a half of song. */
  spinners: number;
}

type ByLevel<T> = readonly T[];

/**
 * Medians of 88 ranked maps for Easy to Expert+ (slider share, reverses, path types, angles at half beats, stacks). From Insane on fewer sliders
 * than the medians (0.46, 0.38, 0.42), though within p10 to p90: a slider more would end on a head that people have.
 */
const sliderShares: ByLevel<number> = [0.74, 0.5, 0.56, 0.34, 0.32, 0.34];
const sliderRanges: ByLevel<readonly [p10: number, p90: number]> = [
  [0.64, 0.8],
  [0.25, 0.7],
  [0.38, 0.68],
  [0.28, 0.57],
  [0.28, 0.52],
  [0.3, 0.58],
];
const reverseShares: ByLevel<number> = [0.28, 0.22, 0.14, 0.08, 0.07, 0.1];
const pathShares: ByLevel<Manner['paths']> = [
  [0.37, 0.35, 0.28],
  [0.3, 0.25, 0.45],
  [0.34, 0.52, 0.14],
  [0.28, 0.52, 0.2],
  [0.42, 0.46, 0.12],
  [0.48, 0.34, 0.18],
];
/** What is wished for so that maps come out at people's shares: where there is no room ahead, a movement turns back. */
const angleShares: ByLevel<Manner['angles']> = [
  [0, 0.2, 0.8],
  [0.01, 0.21, 0.78],
  [0.05, 0.33, 0.62],
  [0.3, 0.4, 0.3],
  [0.6, 0.3, 0.1],
  [0.56, 0.32, 0.12],
];
const growths: ByLevel<number> = [1, 1, 0.85, 0.42, 0.12, 0.1];
const scaleRanges: ByLevel<Manner['scales']> = [
  [1, 1],
  [1, 1],
  [0.7, 1.35],
  [0.55, 1.7],
  [0.45, 1.6],
  [0.4, 1.6],
];
const farthests: ByLevel<number> = [230, 240, 240, 310, 390, 430];
const stackShares: ByLevel<number> = [0, 0, 0.5, 0.4, 0.3, 0.25];

/** Level, year and descriptors as numbers for the composer. The denser the map, the fewer its sliders, as far as human maps go. */
export function mannerOf(plan: Plan, density: number): Manner {
  const { level, stars, style, year } = plan;
  const early = year <= 2010;
  const modern = year >= 2018;
  const jumps = style.jumps + 0.5 * style.crossScreen;
  const beginner = level <= 1;
  const sliders = 0.3 * style.sliders + 0.15 * style.tech - 0.12 * jumps - 0.1 * style.streams + (early ? 0.08 : 0);
  const [fewest, most] = sliderRanges[level]!;
  const usual = within(sliderShares[level]! * density ** -0.35, fewest, most);
  const share = within(usual + sliders, 0.05, 0.92);
  return {
    sliderShare: style.onlySliders > 0 ? 1 : style.onlyCircles > 0 ? 0 : share,
    reverseShare: within(reverseShares[level]! + 0.1 * style.sliders, 0.02, 0.6),
    longSliders: 0.6 * style.sliders,
    kickSliders: level >= 3 ? 2 * style.tech : -1,
    // Half-beat distance over 88 ranked maps: 6.6 + 26.4 S px.
    halfPx: (6.6 + 26.4 * Math.min(9.5, stars)) * (1 + 0.12 * jumps + (modern ? 0.04 : early ? -0.06 : 0)),
    growth:
      growths[level]! * (level >= 2 ? 1 - Math.max(0, style.geometric) : 1) +
      0.3 * Math.max(0, style.simple, style.distanceSnapped) * (level >= 2 ? 1 : 0),
    scales: narrowed(
      scaleRanges[level]!,
      0.75 * Math.max(0, style.simple, style.distanceSnapped, style.geometric) - 0.5 * style.crossScreen,
    ),
    sections: level >= 3 ? [0.72, 1.2] : [0.88, 1.08],
    accent: 0.2 * (1 - Math.max(0, style.distanceSnapped, style.geometric)),
    streamPx: (8 + 4.2 * Math.min(9.5, stars)) * 2.2 ** style.spacedStreams,
    farthest: farthests[level]! * (1 + 0.25 * style.crossScreen),
    stackShare: beginner ? 0 : within(stackShares[level]! * 2.5 ** style.stacks * 0.3 ** style.spacedStreams, 0, 1),
    pairShare: beginner ? 0 : within(0.35 * 2.5 ** style.stacks, 0, 1),
    angles: bentAngles(angleShares[level]!, plan),
    polygons: 8 ** (style.geometric + 0.3 * style.jumps),
    regular: Math.max(0, style.geometric),
    lines: 2 ** (1.5 * (style.linear - 0.5 * style.geometric)),
    reuse: within(0.7 + 0.3 * Math.max(style.repetition, style.symmetry) + 0.5 * Math.min(0, style.repetition), 0, 1),
    mirror: within(0.12 + 0.88 * style.symmetry + (year >= 2011 && year <= 2014 ? 0.25 : 0), 0, 1),
    loyalty: 2.5 + 4 * Math.max(0, style.symmetry, style.repetition),
    gridPx: style.gridSnap > 0 ? 16 : 1,
    paths: bentPaths(pathShares[level]!, style.tech),
    speeds: sliderSpeeds(plan),
    spinners: 1 + 1.5 * style.spinners,
  };
}

/** Sharp, wide and linear aim, and flow, move the table; from 2018 on angles are sharper than before. */
function bentAngles([sharp, middle, wide]: Manner['angles'], { style, year, level }: Plan): Manner['angles'] {
  const pull = (level >= 2 ? 1 : 0.4) * Math.LN2 * 1.8;
  const sharpness = style.sharp + 1.2 * style.antiflow - style.flow - 0.5 * style.wide + (year >= 2018 ? 0.1 : -0.15);
  const wideness = style.linear + 0.8 * style.flow - 0.5 * style.sharp + 0.3 * style.streams;
  const floor = level >= 2 ? 0.03 : 0;
  const weights = [
    (sharp + floor) * Math.exp(pull * sharpness),
    (middle + floor) * Math.exp(pull * (style.wide - 0.3 * style.sharp)),
    (wide + floor) * Math.exp(pull * wideness),
  ];
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return [weights[0]! / sum, weights[1]! / sum, weights[2]! / sum];
}

function bentPaths([line, arc, bezier]: Manner['paths'], tech: number): Manner['paths'] {
  const curved = 3 ** tech;
  const sum = line + arc + bezier * curved;
  return [line / sum, arc / sum, (bezier * curved) / sum];
}

function sliderSpeeds({ level, style }: Plan): Manner['speeds'] {
  if (level <= 1) return { calm: 1, kiai: 1, swing: 0 };
  const depth = (level === 2 ? 0.6 : 1) * (style.simple > 0 ? 0.5 : 1) * (1 + 0.5 * Math.max(0, style.contrast));
  const swing = 0.22 * Math.max(0, style.complexSv) + 0.1 * Math.max(0, style.tech);
  return { calm: 1 - 0.2 * depth, kiai: 1 + 0.15 * depth, swing };
}

const narrowed = ([low, high]: Manner['scales'], by: number): Manner['scales'] => [
  1 - (1 - low) * (1 - by),
  1 + (high - 1) * (1 - by),
];

const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
