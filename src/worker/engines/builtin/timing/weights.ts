/**
 * Weights of what speaks for a grid, all of them 0 or more. Conditional logit over each song's candidates, L2 2 on evidence divided by its
 * spread, printed by `scripts/eval/fit-timing.mjs TRUTH SONGS --half even`. They are few because the songs are few.
 */

/** Phase against the others of its tempo (`phaseEvidence` in `choice.ts`). */
export const phaseWeights: readonly number[] = [
  // all attacks on the beat
  2.2,
  // on the beat more than off it: 200 Hz to 6 kHz by log level, by amplitude
  0.95, 0.95,
  // a quarter before the beat more than a quarter after it
  2.2,
];

/** Tempo on its best phase, beside the prior of `tempo.ts` (`tempoCandidates` in `choice.ts`). */
export const tempoWeights: readonly number[] = [
  // harmonic sum
  2,
  // all attacks on the beat, high ones on the off-beat
  1.5, 0.7,
  // low attacks and high ones take turns (kick and snare)
  50,
  // the attacks are alike eight beats later
  3,
  // harmony changes on beats
  10,
];

/** A beat as the first of its bar (`barEvidence` in `bars.ts`). */
export const barWeights: readonly number[] = [
  // low attacks, change of harmony, step of loudness, first strong beat
  0.8, 4.7, 5.3, 1.46,
];
