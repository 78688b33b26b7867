// Fits the weights that choose a song's beat and the first beat of its bars, and prints them for
// src/worker/engines/builtin/timing/weights.ts, with how many songs are right when each tenth is left out of the fit.
//
//   node scripts/eval/fit-timing.mjs TRUTH.json SONGS [TRUTH.json SONGS ...] [--half even|odd]
//
// Conditional logit over each song's candidates: the share of the right ones is made large, with an L2 penalty on the weights of standardised
// evidence. Each song is also played slower and faster, so that the weights do not hang on the tempi of few songs.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeAudio } from '../../dist/worker/engines/builtin/audio/decode.js';
import { computeFeatures } from '../../dist/worker/engines/builtin/hearing/features.js';
import { barEvidence } from '../../dist/worker/engines/builtin/timing/bars.js';
import { strengthsOf } from '../../dist/worker/engines/builtin/timing/beats.js';
import { beatCandidates, chooseBeat } from '../../dist/worker/engines/builtin/timing/choice.js';
import { beatsOf, distances, mainPoint, mean } from './beats.mjs';

const speeds = [1, 0.75, 0.87, 1.15];
const speedWeight = 0.35;
const penalties = { beat: 3, bar: 100 };
const rounds = 400;

/** Sound at another speed, by straight lines between samples. */
function atSpeed(mono, speed) {
  if (speed === 1) return mono;
  return Float32Array.from({ length: Math.floor(mono.length / speed) - 1 }, (_, i) => {
    const at = Math.floor(i * speed);
    return mono[at] + (i * speed - at) * (mono[at + 1] - mono[at]);
  });
}

/** { evidence, right, weight } of the beats of one song at one speed; undefined where no candidate is right. */
function beatCase(song, features, speed) {
  const range = [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
  const human = beatsOf(song.truth, range).map(({ time }) => time + song.onset_lag_ms);
  const { bpm } = mainPoint(song.truth, range);
  const candidates = beatCandidates(features, strengthsOf(features));
  const right = candidates.map((candidate) => {
    if (Math.abs(candidate.bpm / speed / bpm - 1) > 0.005) return false;
    const grid = [{ offset_ms: candidate.phaseMs * speed, bpm: candidate.bpm / speed, meter: 4 }];
    const found = beatsOf(grid, [0, song.duration_s * 1000]).map(({ time }) => time);
    return mean(distances(human, found).map((ms) => (Math.abs(ms) <= 30 ? 1 : 0))) > 0.6;
  });
  const weight = (song.set.startsWith('osu') ? 1.5 : 1) * (bpm < 126 ? 1.5 : 1) * (speed === 1 ? 1 : speedWeight);
  return right.some(Boolean) ? { evidence: candidates.map(({ evidence }) => evidence), right, weight } : undefined;
}

/** The same of the first beat of four, on the human tempo; undefined where the bars are not in four or the beat is not found. */
function barCase(song, features) {
  const range = [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
  const { bpm, meter } = mainPoint(song.truth, range);
  if (meter !== 4) return undefined;
  const strengths = strengthsOf(features);
  const beat = chooseBeat(features, strengths, bpm);
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
  return { evidence: barEvidence(strengths, beat, 4), right, weight: song.set.startsWith('osu') ? 1.5 : 1 };
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

function odds(evidence, weights) {
  const scores = evidence.map((one) => dot(one, weights));
  const most = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - most));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** Weights of standardised evidence by gradient steps (Adam). */
function fit(cases, penalty) {
  const size = cases[0].evidence[0].length;
  const weights = new Array(size).fill(0);
  const [first, second] = [new Array(size).fill(0), new Array(size).fill(0)];
  for (let round = 1; round <= rounds; round += 1) {
    const slope = weights.map((weight) => penalty * weight);
    for (const { evidence, right, weight } of cases) {
      const shares = odds(evidence, weights);
      const rightShare = shares.reduce((sum, share, i) => sum + (right[i] ? share : 0), 0) + 1e-12;
      evidence.forEach((one, i) => {
        const pull = weight * (shares[i] - (right[i] ? shares[i] / rightShare : 0));
        one.forEach((value, j) => (slope[j] += pull * value));
      });
    }
    slope.forEach((value, j) => {
      first[j] = 0.9 * first[j] + 0.1 * value;
      second[j] = 0.99 * second[j] + 0.01 * value * value;
      const step = first[j] / (1 - 0.9 ** round) / (Math.sqrt(second[j] / (1 - 0.99 ** round)) + 1e-8);
      weights[j] -= 0.03 * step;
    });
  }
  return weights;
}

/** `groups`: for each song its cases, the one at its own speed first. Prints the weights and the cross-validated share. */
function report(name, groups, penalty) {
  const rows = groups.flat().flatMap(({ evidence }) => evidence);
  const centre = rows[0].map((_, j) => mean(rows.map((row) => row[j])));
  const spread = centre.map((middle, j) => Math.sqrt(mean(rows.map((row) => (row[j] - middle) ** 2))) + 1e-9);
  const even = groups.map((group) =>
    group.map((one) => ({
      ...one,
      evidence: one.evidence.map((row) => row.map((v, j) => (v - centre[j]) / spread[j])),
    })),
  );
  let right = 0;
  for (let fold = 0; fold < 10; fold += 1) {
    const weights = fit(even.filter((_, i) => i % 10 !== fold).flat(), penalty);
    for (const [own] of even.filter((_, i) => i % 10 === fold)) {
      const shares = odds(own.evidence, weights);
      if (own.right[shares.indexOf(Math.max(...shares))]) right += 1;
    }
  }
  const weights = fit(even.flat(), penalty).map((weight, j) => Number((weight / spread[j]).toPrecision(3)));
  process.stdout.write(`${name}: ${right} of ${groups.length} right when left out\n${JSON.stringify(weights)}\n`);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { half: { type: 'string' } } });
const [beatGroups, barGroups] = [[], []];
for (let at = 0; at + 1 < positionals.length; at += 2) {
  const all = JSON.parse(await readFile(positionals[at], 'utf8')).sort((a, b) => (a.id < b.id ? -1 : 1));
  const chosen = all.filter((_, i) => !values.half || i % 2 === (values.half === 'even' ? 0 : 1));
  for (const song of chosen.filter(({ verified }) => verified)) {
    process.stderr.write(`${song.id}\n`);
    const audio = await decodeAudio(await readFile(join(positionals[at + 1], song.path))).catch(() => undefined);
    if (!audio) continue;
    const cases = speeds.map((speed) => {
      const features = computeFeatures(atSpeed(audio.mono, speed), audio.sampleRate);
      if (speed === 1) barGroups.push([barCase(song, features)]);
      return beatCase(song, features, speed);
    });
    if (cases[0]) beatGroups.push(cases.filter(Boolean));
  }
}
report('beatWeights', beatGroups, penalties.beat);
report(
  'barWeights',
  barGroups.filter(([one]) => one),
  penalties.bar,
);
