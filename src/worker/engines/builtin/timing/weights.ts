/**
 * Weights of what speaks for a beat grid (see `evidenceOf` in `choice.ts`). Conditional logit over each song's candidates, L2 3 on standardised
 * evidence, fitted (method: `scripts/eval/fit-timing.mjs`) on 95 songs with human timing (the tuning half of the evaluation's list, and other charts of two of its
 * repositories), each also played at 0.75, 0.87 and 1.15 times its speed with weight 0.35. Cross-validated by song: 87 of 95 right
 * in tempo and phase.
 */
export const beatWeights: readonly number[] = [
  // harmonic sum of the tempo
  2.88,
  // octaves from 150 BPM, squared, below 86, above 212, an integer
  0.803, -1.5, 1.05, -8.86, -0.211,
  // beat: full, low, mid, high
  2.11, -0.32, 3.78, 1.45,
  // off-beat
  0.0933, 0.283, -1.28, 1.62,
  // quarters
  0.022, -1.18, 0.721, -0.629,
  // thirds
  -0.457,
  // contrast of even and odd beats: full, low, mid, high
  1.22, 1.55, -1.43, 0.344,
  // contrast low × mid, low × high, mid × high, of harmony
  -0.751, -0.923, 0.273, 2.59,
  // likeness 1, 2, 3, 4, 6, 8 beats later
  0.802, -1.16, -1.07, 2.85, 0.0837, 1.2,
  // harmony changes on beats more than between; at all
  1.42, 17.1,
];

/**
 * Weights of what speaks for a beat as the first of its bar (see `barEvidence` in `bars.ts`): for each row its mean on that beat and on the beat half
 * a bar later. Conditional logit, L2 100 on standardised evidence, fitted on 78 songs in four with a right grid, of the same kind as
 * above. Cross-validated: 67 of 78 right, where the share by chance is a quarter.
 */
export const barWeights: readonly number[] = [
  // strength on the beat: low, mid, high, full; of the off-beat after it: low
  0.449, -0.066, -0.0235, -0.0937, -0.0734, -0.0571, 0.0435, -0.0935, -0.214, 0.0798,
  // step of loudness over one beat, change of harmony over one and four beats, step of loudness over four and (its size) eight
  1.2,
  0.255, 26.9, -8.65, 78.6, -47.8, -1.88, 1.73, 4.27, -1.35,
  // share of the greatest: high attacks, change of harmony over four beats, steps of loudness over four and eight
  -0.138, 1.26, 1.41, 2.21,
  // the first strong beat of the song lies there
  0.58,
];
