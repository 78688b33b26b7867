/**
 * What descriptors ask of a map. Each bias is 0 where nothing was said, 1 where a descriptor asks for more of it, −1 where a
 * negative descriptor asks for less.
 */
export const biases = [
  'jumps',
  'sharp',
  'wide',
  'linear',
  'crossScreen',
  'streams',
  'bursts',
  'spacedStreams',
  'sliders',
  'onlySliders',
  'onlyCircles',
  'tech',
  'complexSnap',
  'simple',
  'distanceSnapped',
  'geometric',
  'symmetry',
  'gridSnap',
  'repetition',
  'lowSv',
  'highSv',
  'complexSv',
  'swing',
  'alt',
  'precision',
  'reading',
  'stacks',
  'contrast',
  'progression',
  'spike',
  'mono',
  'finishers',
  'chords',
  'jacks',
  'longNotes',
  'noHyperdashes',
  'flow',
  'antiflow',
  'wiggles',
  'spinners',
] as const;
export type Bias = (typeof biases)[number];
export type Style = Record<Bias, number>;

/** Descriptors (OMDB values and the last part of osu! user tags `category/name`) → what they ask for. */
const meanings: Record<string, Partial<Style>> = {
  'jump aim': { jumps: 1 },
  jumps: { jumps: 1 },
  'sharp aim': { jumps: 0.5, sharp: 1 },
  sharp: { sharp: 1 },
  'wide aim': { jumps: 0.5, wide: 1 },
  wide: { wide: 1 },
  'linear aim': { jumps: 0.5, linear: 1 },
  linear: { linear: 1 },
  'cross-screen': { jumps: 0.5, crossScreen: 1 },
  streams: { streams: 1 },
  stamina: { streams: 1 },
  'jumps/stamina': { jumps: 1 },
  'back and forth': { jumps: 0.5, sharp: 1 },
  triangles: { jumps: 0.5, geometric: 1 },
  squares: { jumps: 0.5, geometric: 1 },
  stars: { jumps: 0.5, geometric: 1 },
  jump: { jumps: 1 },
  bursts: { bursts: 1 },
  doubles: { bursts: 1 },
  triples: { bursts: 1 },
  quads: { bursts: 1 },
  'spaced streams': { streams: 1, spacedStreams: 1 },
  cutstreams: { streams: 1, spacedStreams: 0.5 },
  'flow aim': { flow: 1, wide: 1 },
  flow: { flow: 1 },
  antiflow: { antiflow: 1 },
  'slider tech': { sliders: 0.5, tech: 1 },
  slidershapes: { sliders: 0.5, tech: 0.5 },
  'complex slidershapes': { sliders: 0.5, tech: 0.5 },
  tech: { tech: 1 },
  'complex snap divisors': { complexSnap: 1 },
  'slider only': { onlySliders: 1 },
  'circle only': { onlyCircles: 1 },
  simple: { simple: 1 },
  clean: { simple: 0.5, distanceSnapped: 0.5 },
  'distance snapped': { distanceSnapped: 1 },
  'distance snap': { distanceSnapped: 1 },
  geometric: { geometric: 1 },
  symmetrical: { symmetry: 1 },
  'grid snap': { gridSnap: 1 },
  hexgrid: { geometric: 1 },
  repetition: { repetition: 1 },
  'low sv': { lowSv: 1 },
  'high sv': { highSv: 1 },
  'complex sv': { complexSv: 1 },
  swing: { swing: 1 },
  'finger control': { alt: 1 },
  alt: { alt: 1 },
  precision: { precision: 1 },
  reading: { reading: 1 },
  'visually dense': { reading: 1 },
  overlaps: { reading: 0.5 },
  'overlap reading': { reading: 1 },
  'perfect stacks': { stacks: 1 },
  'high contrast': { contrast: 1 },
  progression: { progression: 1 },
  'difficulty spike': { spike: 1 },
  farm: { jumps: 0.5, simple: 0.5, distanceSnapped: 0.5 },
  'mono-heavy': { mono: 1 },
  'finisher-heavy': { finishers: 1 },
  jumpstream: { chords: 1 },
  handstream: { chords: 1 },
  chordstream: { chords: 1 },
  chordjack: { chords: 1, jacks: 1 },
  longjack: { jacks: 1 },
  speedjack: { jacks: 1 },
  'ln coordination': { longNotes: 1 },
  'ln density': { longNotes: 1 },
  'ln release': { longNotes: 1 },
  'ln dump': { longNotes: 1 },
  'no hyperdashes': { noHyperdashes: 1 },
  taikosu: { streams: 0.5 },
  speed: { streams: 1 },
  quadstream: { chords: 1 },
  'ln mixed': { longNotes: 1 },
  wiggles: { wiggles: 1 },
  'long sliders': { sliders: 1 },
  'spinner-heavy': { spinners: 1 },
};

/** What would break a rule that every map must keep. */
const refused = new Set(['2b', 'aspire', 'ninja spinners', 'tag', 'gimmick', 'storyboard gimmick', 'video gimmick']);

/** The biases of a request and a warning for each descriptor that has none. */
export function readStyle(wanted: readonly string[] = [], unwanted: readonly string[] = []) {
  const style = Object.fromEntries(biases.map((bias) => [bias, 0])) as Style;
  const warnings: string[] = [];
  const apply = (descriptor: string, sign: number) => {
    const name = descriptor.trim().toLowerCase();
    const last = name.split('/').at(-1) ?? '';
    const meaning = meanings[name] ?? meanings[last];
    if (refused.has(last)) {
      warnings.push(`The descriptor "${descriptor}" would break the rules of a playable map and is not followed.`);
    } else if (!meaning) {
      warnings.push(`The built-in generator does not know how to follow the descriptor "${descriptor}".`);
    } else {
      for (const [bias, amount] of Object.entries(meaning) as [Bias, number][]) {
        style[bias] = Math.max(-1, Math.min(1, style[bias] + sign * amount));
      }
    }
  };
  for (const descriptor of wanted) apply(descriptor, 1);
  for (const descriptor of unwanted) apply(descriptor, -1);
  return { style, warnings };
}
