const all = [0, 1, 2, 3];

/** What descriptors can ask more or less of, and the modes in which it means something. */
const biases = {
  jumps: all,
  sharp: [0],
  wide: [0],
  linear: [0],
  crossScreen: [0],
  streams: all,
  bursts: all,
  spacedStreams: [0],
  sliders: [0, 2],
  onlySliders: [0, 2],
  onlyCircles: [0, 2],
  tech: [0],
  simple: all,
  distanceSnapped: [0],
  geometric: [0],
  symmetry: [0, 2],
  gridSnap: [0],
  repetition: all,
  lowSv: [0],
  highSv: [0],
  complexSv: [0],
  swing: all,
  alt: [1],
  precision: [0],
  reading: [0],
  stacks: [0],
  contrast: all,
  progression: all,
  spike: all,
  mono: [1],
  finishers: [1],
  chords: [3],
  jacks: [3],
  longNotes: [3],
  noHyperdashes: [2],
  flow: [0, 2],
  antiflow: [0, 2],
  wiggles: [2],
  spinners: [0, 1, 2],
} as const satisfies Record<string, readonly number[]>;
type Bias = keyof typeof biases;

/**
 * What descriptors ask of a map. Each bias is 0 where nothing was said, 1 where a descriptor asks for more of it, −1 where a
 * negative descriptor asks for less.
 */
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

/** The biases of a request and a warning for each descriptor that is not followed. */
export function readStyle(mode: number, wanted: readonly string[] = [], unwanted: readonly string[] = []) {
  const style = Object.fromEntries(Object.keys(biases).map((bias) => [bias, 0])) as Style;
  const warnings: string[] = [];
  const apply = (descriptor: string, sign: number) => {
    const name = descriptor.trim().toLowerCase();
    const last = name.split('/').at(-1) ?? '';
    const meaning = Object.entries(meanings[name] ?? meanings[last] ?? {}) as [Bias, number][];
    const heeded = meaning.filter(([bias]) => (biases[bias] as readonly number[]).includes(mode));
    for (const [bias, amount] of heeded) style[bias] = Math.max(-1, Math.min(1, style[bias] + sign * amount));
    if (heeded.length > 0) return;
    if (refused.has(last)) {
      warnings.push(`The descriptor "${descriptor}" would break the rules of a playable map and is not followed.`);
    } else if (meaning.length > 0) {
      warnings.push(`The descriptor "${descriptor}" means nothing in this mode.`);
    } else {
      warnings.push(`The built-in generator does not know how to follow the descriptor "${descriptor}".`);
    }
  };
  for (const descriptor of wanted) apply(descriptor, 1);
  for (const descriptor of unwanted) apply(descriptor, -1);
  return { style, warnings };
}
