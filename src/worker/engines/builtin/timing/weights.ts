/**
 * Weights of what speaks for a grid, all of them 0 or more. Conditional logit over each song's candidates, with an L2 penalty on evidence divided by its
 * spread, printed by `scripts/eval/fit-timing.mjs TRUTH SONGS --half even` from the tuning half's songs and no others. They are few
 * because the songs are few.
 */

/** Phase against the others of its tempo (`phaseEvidence` in `evidence.ts`). 36 songs; each left out in turn: 35 right. */
export const phaseWeights: readonly number[] = [
  // on the beat: 200 Hz to 6 kHz by amplitude
  4.46,
  // a quarter before the beat more than a quarter after it
  2.29,
  // low attacks and middle ones take turns (kick and snare), middle and high ones come together (snare)
  18.7, 11.1,
  // low ones prefer one beat of four
  5.58,
];

/**
 * Tempo on its best phase (`tempoCandidates` in `choice.ts`). 42 songs at up to nine speeds from 65 to 280 BPM; each song left out in turn: 40
 * right at their own speed, 98 % of all cases weighted as the tempi of maps are spread.
 */
export const tempoWeights: readonly number[] = [
  // harmonic sum
  2.69,
  // the prior: a usual tempo, a fast one where loud notes are many
  2.57, 2.6,
  // attacks on the beat: all, 200 Hz to 6 kHz by amplitude
  2.63, 3.36,
  // they are alike eight beats later
  4.49,
  // harmony changes on one beat of four more than on the others, hundredths
  0.396,
  // low attacks and middle ones take turns (kick and snare); low ones prefer one beat of four
  9.84, 4.71,
  // low attacks on quarters of the beat; few loud ones at every second beat
  1.97, 0.832,
];

/** A beat as the first of its bar (`barEvidence` in `bars.ts`). 32 songs in four; each left out in turn: 29 right. */
export const barWeights: readonly number[] = [
  // low attacks, middle ones, steps of loudness
  0.76, 0.4, 8.82,
  // harmony changes from the beat before, from the four beats before, hundredths
  0.376, 0.533,
];
