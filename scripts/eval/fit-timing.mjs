// Fits the weights that choose a song's phase, tempo and first beat of the bar, and prints them for
// src/worker/engines/builtin/timing/weights.ts, with how many songs are right when each is left out of the fit.
//
//   node scripts/eval/fit-timing.mjs TRUTH.json SONGS [--half even|odd]
//
// Conditional logit over each song's candidates: the share of the right ones is made large, with an L2 penalty on the weights of evidence
// divided by its spread, and no weight below 0. For the tempo each song is also played slower and faster, so that the weights do not
// hang on the tempi of few songs; the prior of the tempo stays that of the song's own speed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeAudio } from '../../dist/worker/engines/builtin/audio/decode.js';
import { computeFeatures } from '../../dist/worker/engines/builtin/hearing/features.js';
import { barEvidence } from '../../dist/worker/engines/builtin/timing/bars.js';
import { strengthsOf } from '../../dist/worker/engines/builtin/timing/beats.js';
import { choosePhase, phaseCandidates, tempoCandidates } from '../../dist/worker/engines/builtin/timing/choice.js';
import { tempoPrior } from '../../dist/worker/engines/builtin/timing/tempo.js';
import { beatsOf, distances, mainPoint, mean } from './beats.mjs';

const speeds = [1, 0.87, 1.15];
const speedWeight = 0.4;
const penalty = 2;
const rounds = 300;

/** Sound at another speed, by straight lines between samples. */
function atSpeed(mono, speed) {
  if (speed === 1) return mono;
  return Float32Array.from({ length: Math.floor(mono.length / speed) - 1 }, (_, i) => {
    const at = Math.floor(i * speed);
    return mono[at] + (i * speed - at) * (mono[at + 1] - mono[at]);
  });
}

const rangeOf = (song) => [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
const evidencesOf = (candidates) => candidates.map(({ evidence }) => evidence);
const anyRight = (one) => (one.right.some(Boolean) ? one : undefined);

/** { evidence, right, prior, weight } of the phases of the human tempo; undefined where none is right. */
function phaseCase(song, features, strengths) {
  const range = rangeOf(song);
  const { bpm } = mainPoint(song.truth, range);
  const human = beatsOf(song.truth, range).map(({ time }) => time + song.onset_lag_ms);
  const candidates = phaseCandidates(features, strengths, bpm);
  const right = candidates.map(({ phaseMs }) => {
    const found = beatsOf([{ offset_ms: phaseMs, bpm, meter: 4 }], [0, song.duration_s * 1000]).map(({ time }) => time);
    return mean(distances(human, found).map((ms) => (Math.abs(ms) <= 30 ? 1 : 0))) > 0.6;
  });
  return anyRight({ evidence: evidencesOf(candidates), right, prior: right.map(() => 0), weight: 1 });
}

/** The same of the tempi of one song at one speed. */
function tempoCase(song, features, strengths, speed) {
  const { bpm } = mainPoint(song.truth, rangeOf(song));
  const candidates = tempoCandidates(features, strengths);
  const right = candidates.map((candidate) => Math.abs(candidate.bpm / speed / bpm - 1) < 0.005);
  const prior = candidates.map((candidate) => Math.log(tempoPrior(candidate.bpm / speed)));
  return anyRight({ evidence: evidencesOf(candidates), right, prior, weight: speed === 1 ? 1 : speedWeight });
}

/** The same of the first beat of four, on the human tempo; undefined where the bars are not in four or the beat is not found. */
function barCase(song, features, strengths) {
  const range = rangeOf(song);
  const { bpm, meter } = mainPoint(song.truth, range);
  if (meter !== 4) return undefined;
  const beat = choosePhase(features, strengths, bpm);
  const counts = [0, 0, 0, 0];
  const downbeats = beatsOf(song.truth, range).filter(({ downbeat }) => downbeat);
  for (const { time } of downbeats) {
    const place = (time + song.onset_lag_ms - beat.phaseMs) / beat.beatMs;
    const n = Math.round(place);
    if (n >= 0 && Math.abs(place - n) * beat.beatMs < 70) counts[n % 4] += 1;
  }
  const most = Math.max(...counts);
  if (most <= 0.8 * downbeats.length) return undefined;
  const right = counts.map((count) => count === most);
  return { evidence: barEvidence(strengths, beat, 4), right, prior: [0, 0, 0, 0], weight: 1 };
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

function odds({ evidence, prior }, weights) {
  const scores = evidence.map((one, i) => prior[i] + dot(one, weights));
  const most = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - most));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** Weights, none below 0, by gradient steps (Adam). */
function fit(cases) {
  const size = cases[0].evidence[0].length;
  const weights = new Array(size).fill(0.5);
  const [first, second] = [new Array(size).fill(0), new Array(size).fill(0)];
  for (let round = 1; round <= rounds; round += 1) {
    const slope = weights.map((weight) => penalty * weight);
    for (const one of cases) {
      const shares = odds(one, weights);
      const rightShare = shares.reduce((sum, share, i) => sum + (one.right[i] ? share : 0), 0) + 1e-12;
      one.evidence.forEach((row, i) => {
        const pull = one.weight * (shares[i] - (one.right[i] ? shares[i] / rightShare : 0));
        row.forEach((value, j) => (slope[j] += pull * value));
      });
    }
    slope.forEach((value, j) => {
      first[j] = 0.9 * first[j] + 0.1 * value;
      second[j] = 0.99 * second[j] + 0.01 * value * value;
      const step = first[j] / (1 - 0.9 ** round) / (Math.sqrt(second[j] / (1 - 0.99 ** round)) + 1e-8);
      weights[j] = Math.max(0, weights[j] - 0.03 * step);
    });
  }
  return weights;
}

/** `groups`: for each song its cases, the one at its own speed first. Prints the weights and how many songs are right when left out. */
function report(name, groups) {
  const rows = groups.flat().flatMap(({ evidence }) => evidence);
  const spread = rows[0].map((_, j) => {
    const middle = mean(rows.map((row) => row[j]));
    return Math.sqrt(mean(rows.map((row) => (row[j] - middle) ** 2))) + 1e-9;
  });
  const scaled = groups.map((group) =>
    group.map((one) => ({ ...one, evidence: one.evidence.map((row) => row.map((v, j) => v / spread[j])) })),
  );
  const right = scaled.filter(([own], left) => {
    const shares = odds(own, fit(scaled.filter((_, i) => i !== left).flat()));
    return own.right[shares.indexOf(Math.max(...shares))];
  }).length;
  const weights = fit(scaled.flat()).map((weight, j) => Number((weight / spread[j]).toPrecision(3)));
  process.stdout.write(`${name}: ${right} of ${groups.length} right when left out\n${JSON.stringify(weights)}\n`);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { half: { type: 'string' } } });
const [truth, folder] = positionals;
const all = JSON.parse(await readFile(truth, 'utf8')).sort((a, b) => (a.id < b.id ? -1 : 1));
const half = all.filter((_, i) => !values.half || i % 2 === (values.half === 'even' ? 0 : 1));
const [phases, tempi, bars] = [[], [], []];
for (const song of half.filter(({ verified }) => verified)) {
  process.stderr.write(`${song.id}\n`);
  const audio = await decodeAudio(await readFile(join(folder, song.path))).catch(() => undefined);
  if (!audio) continue;
  const cases = speeds.map((speed) => {
    const features = computeFeatures(atSpeed(audio.mono, speed), audio.sampleRate);
    const strengths = strengthsOf(features);
    if (speed === 1) {
      phases.push([phaseCase(song, features, strengths)]);
      bars.push([barCase(song, features, strengths)]);
    }
    return tempoCase(song, features, strengths, speed);
  });
  if (cases[0]) tempi.push(cases.filter(Boolean));
}
// A tempo's evidence is that of its best phase, so new weights of the phase are written down before those of the tempo are fitted.
report(
  'phaseWeights',
  phases.filter(([one]) => one),
);
report('tempoWeights', tempi);
report(
  'barWeights',
  bars.filter(([one]) => one),
);
