/**
 * Weights of what speaks for a grid, all of them 0 or more. Conditional logit over each song's candidates, L2 2 on evidence divided by its
 * spread, printed by `scripts/eval/fit-timing.mjs TRUTH SONGS --half even` from the verified songs of the tuning half and no others. They are few
 * because the songs are few.
 */

/** Phase against the others of its tempo (`phaseEvidence` in `choice.ts`). 36 songs; each left out in turn: 35 right. */
export const phaseWeights: readonly number[] = [
  // all attacks on the beat
  2.08,
  // on the beat more than off it: 200 Hz to 6 kHz by log level, by amplitude
  0.951, 1.01,
  // a quarter before the beat more than a quarter after it
  2.11,
];

/**
 * Tempo on its best phase, beside the prior of `tempo.ts` (`tempoCandidates` in `choice.ts`). 37 songs, each also at 0.87 and
 * 1.15 times its speed with weight 0.4; each left out in turn: 35 right.
 */
export const tempoWeights: readonly number[] = [
  // harmonic sum
  1.44,
  // all attacks on the beat, high ones on the off-beat
  3.24, 0.982,
  // low attacks and high ones take turns (kick and snare)
  8.72,
  // the attacks are alike eight beats later
  2.96,
  // harmony changes on beats, hundredths
  1.94,
];

/** A beat as the first of its bar (`barEvidence` in `bars.ts`). 32 songs in four; each left out in turn: 30 right. */
export const barWeights: readonly number[] = [
  // low attacks, change of harmony, step of loudness, first strong beat
  0.903, 4.52, 4.65, 1.53,
];
