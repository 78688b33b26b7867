// Fits the weights that choose a song's phase, tempo and first beat of the bar, and prints them for
// src/worker/engines/builtin/timing/weights.ts, with how many songs are right when each is left out of the fit.
//
//   node scripts/eval/fit-timing.mjs TRUTH.json SONGS [--half even|odd]
//
// Conditional logit over each song's candidates: the share of the right ones is made large, with an L2 penalty on the weights of evidence
// divided by its spread, and no weight below 0. For the tempo each song is also heard slower and faster, whole and in parts, as a song of that
// tempo, and cases count so that their tempi are spread as those of maps are: people's songs alone have too few very slow and very fast ones
// to weigh the evidence against the prior. Whole songs that are left out, at all their speeds, say how well that goes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeAudio } from '../../dist/worker/engines/builtin/audio/decode.js';
import { computeFeatures, sliceFeatures } from '../../dist/worker/engines/builtin/hearing/features.js';
import { computeHarmony } from '../../dist/worker/engines/builtin/hearing/harmony.js';
import { barEvidence } from '../../dist/worker/engines/builtin/timing/bars.js';
import { strengthsOf } from '../../dist/worker/engines/builtin/timing/beats.js';
import { choosePhase, phaseCandidates, tempoCandidates } from '../../dist/worker/engines/builtin/timing/choice.js';
import { beatsOf, distances, mainPoint, mean } from './beats.mjs';

/** Speeds at which a song is heard whole and in parts; its own is first. Only as far as its tempo stays between these, BPM. */
const speeds = [1, 0.6, 0.7, 0.8, 0.87, 1.15, 1.3, 1.45, 1.6];
const speedsOfParts = [1, 0.7, 1.45];
const [slowest, fastest] = [65, 280];
const parts = 6;
const shortestPartMs = 15_000;
/** What parts count for against whole songs. */
const shareOfParts = 0.3;
/** Tempi of maps: log-normal around 150 BPM, 0.42 octaves. Cases are counted within 0.12 octaves. */
const [usualBpm, usualOctaves, countedOctaves] = [150, 0.42, 0.12];
const rounds = 300;

/** What is heard at another speed. The envelopes are stretched and not the sound, so that each attack keeps its colour. */
function atSpeed(features, speed) {
  if (speed === 1) return features;
  const stretched = (values) =>
    Float32Array.from({ length: Math.max(1, Math.floor((values.length - 1) / speed)) }, (_, i) => {
      const at = Math.floor(i * speed);
      return values[at] + (i * speed - at) * ((values[at + 1] ?? 0) - values[at]);
    });
  const envelopes = Object.fromEntries(
    ['full', 'low', 'mid', 'high', 'energy', 'rms'].map((band) => [band, stretched(features[band])]),
  );
  return {
    ...features,
    ...envelopes,
    frames: envelopes.full.length,
    chromaHopMs: features.chromaHopMs / speed,
  };
}

const rangeOf = (song) => [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
const evidencesOf = (candidates) => candidates.map(({ evidence }) => evidence);
const anyRight = (one) => (one.right.some(Boolean) ? one : undefined);

/** Parts of a song in which its tempo is the main one: { features, startMs }. */
function partsOf(song, features) {
  const { bpm } = mainPoint(song.truth, rangeOf(song));
  const durationMs = features.frames * features.hopMs;
  const starts = Array.from({ length: parts }, (_, i) => (i * durationMs) / parts);
  return starts.flatMap((from) => {
    const part = sliceFeatures(
      features,
      from,
      Math.min(durationMs, from + Math.max(shortestPartMs, durationMs / parts)),
    );
    const beats = beatsIn(song, part);
    const tempo = (60_000 * (beats.length - 1)) / (beats.at(-1) - beats[0]);
    return beats.length >= 16 && Math.abs(tempo / bpm - 1) < 0.004 ? part : [];
  });
}

/** When people's beats are heard in a part, from its start on; those that `wanted` takes. */
const beatsIn = (song, { features, startMs }, wanted = () => true) =>
  beatsOf(song.truth, rangeOf(song))
    .filter(wanted)
    .map(({ time }) => time + song.onset_lag_ms - startMs)
    .filter((time) => time >= 0 && time < features.frames * features.hopMs);

/** { evidence, right, bpm } of the phases of the human tempo in a part of a song; undefined where none is right. */
function phaseCase(song, part) {
  const { bpm } = mainPoint(song.truth, rangeOf(song));
  const candidates = phaseCandidates(part.features, strengthsOf(part.features), bpm);
  const right = candidates.map(({ phaseMs }) => {
    const grid = [{ offset_ms: phaseMs, bpm, meter: 4 }];
    const found = beatsOf(grid, [0, part.features.frames * part.features.hopMs]).map(({ time }) => time);
    return mean(distances(beatsIn(song, part), found).map((ms) => (Math.abs(ms) <= 30 ? 1 : 0))) > 0.6;
  });
  return anyRight({ evidence: evidencesOf(candidates), right, bpm });
}

/** The same of the tempi of a song or a part of it that is heard at `bpm`, with their ratios to that. */
function tempoCase(features, bpm) {
  const candidates = tempoCandidates(features, strengthsOf(features));
  const ratios = candidates.map((candidate) => candidate.bpm / bpm);
  const right = ratios.map((ratio) => Math.abs(ratio - 1) < 0.005);
  return anyRight({ evidence: evidencesOf(candidates), right, ratios, bpm });
}

/** The tempo cases of a song at all speeds, whole, its own speed first, and in parts. */
function tempoCases(song, features, cut) {
  const { bpm } = mainPoint(song.truth, rangeOf(song));
  const heard = (speed) => speed === 1 || (bpm * speed >= slowest && bpm * speed <= fastest);
  const at = (of, chosen) => chosen.filter(heard).map((speed) => tempoCase(atSpeed(of, speed), bpm * speed));
  return {
    whole: at(features, speeds).filter(Boolean),
    parts: cut.flatMap((part) => at(part.features, speedsOfParts)).filter(Boolean),
  };
}

/** The same of the first beat of four, on the human tempo; undefined where the bars are not in four or the beat is not found. */
function barCase(song, part) {
  const { bpm, meter } = mainPoint(song.truth, rangeOf(song));
  if (meter !== 4) return undefined;
  const strengths = strengthsOf(part.features);
  const beat = choosePhase(part.features, strengths, bpm);
  const counts = [0, 0, 0, 0];
  const downbeats = beatsIn(song, part, ({ downbeat }) => downbeat);
  for (const time of downbeats) {
    const place = (time - beat.phaseMs) / beat.beatMs;
    const n = Math.round(place);
    if (n >= 0 && Math.abs(place - n) * beat.beatMs < 70) counts[n % 4] += 1;
  }
  const most = Math.max(...counts);
  if (downbeats.length < 4 || most <= 0.8 * downbeats.length) return undefined;
  return { evidence: barEvidence(strengths, beat, 4), right: counts.map((count) => count === most), bpm };
}

/** Gives the whole songs of a fit and their parts weights, so that their tempi are spread as those of maps are. 1 in all. */
function weigh(groups) {
  weighAlike(
    groups.flatMap(({ whole }) => whole),
    1 - shareOfParts,
  );
  weighAlike(
    groups.flatMap((group) => group.parts),
    shareOfParts,
  );
}

function weighAlike(cases, share) {
  const bell = (octaves, width) => Math.exp(-0.5 * (octaves / width) ** 2);
  const raw = cases.map(({ bpm }) => {
    const beside = cases.map((other) => bell(Math.log2(other.bpm / bpm), countedOctaves));
    return bell(Math.log2(bpm / usualBpm), usualOctaves) / beside.reduce((sum, value) => sum + value, 0);
  });
  const sum = raw.reduce((total, value) => total + value, 0);
  cases.forEach((one, i) => (one.weight = (share * raw[i]) / sum));
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

function odds({ evidence }, weights) {
  const scores = evidence.map((one) => dot(one, weights));
  const most = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - most));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** Weights, none below 0, by gradient steps (Adam). The penalty is on the scale of the cases' weights. */
function fit(cases, penalty) {
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

/** Cases with their evidence divided by its spread over all, and the spread. */
function scale(groups) {
  const rows = groups.flat().flatMap(({ evidence }) => evidence);
  const spread = rows[0].map((_, j) => {
    const middle = mean(rows.map((row) => row[j]));
    return Math.sqrt(mean(rows.map((row) => (row[j] - middle) ** 2))) + 1e-9;
  });
  const scaled = groups.map((group) =>
    group.map((one) => ({ ...one, evidence: one.evidence.map((row) => row.map((v, j) => v / spread[j])) })),
  );
  return { scaled, spread };
}

/** `groups`: for each song its cases. Prints the weights; gives, for each song left out in turn, what is chosen for each of its cases. */
function report(name, groups, penalty) {
  const { scaled, spread } = scale(groups);
  const chosen = scaled.map((group, left) => {
    const weights = fit(scaled.filter((_, i) => i !== left).flat(), penalty);
    return group.map((one) => {
      const shares = odds(one, weights);
      return shares.indexOf(Math.max(...shares));
    });
  });
  const weights = fit(scaled.flat(), penalty).map((weight, j) => Number((weight / spread[j]).toPrecision(3)));
  const right = groups.filter(([own], i) => own.right[chosen[i][0]]).length;
  process.stdout.write(`${name}: ${right} of ${groups.length} right when left out\n${JSON.stringify(weights)}\n`);
  return chosen;
}

/** How whole songs at all speeds went, by tempo. */
function tempoTable(groups, chosen) {
  const rows = groups.flatMap(({ whole }, i) => whole.map((one, j) => ({ ...one, ratio: one.ratios[chosen[i][j]] })));
  const share = (list, test) =>
    mean(list.map((row) => (test(row) ? row.weight : 0))) / mean(list.map(({ weight }) => weight));
  const line = (what, list) => {
    const [right, halved, doubled] = [1, 1 / 2, 2].map((ratio) =>
      share(list, (row) => Math.abs(row.ratio / ratio - 1) < 0.01).toFixed(2),
    );
    process.stdout.write(`  ${what}: ${list.length} cases, right ${right}, halved ${halved}, doubled ${doubled}\n`);
  };
  const edges = [slowest, 80, 100, 130, 160, 200, 230, fastest];
  edges.slice(1).forEach((edge, i) => {
    const list = rows.filter(({ bpm }) => bpm >= edges[i] && bpm < edge);
    if (list.length > 0) line(`${edges[i]} to ${edge} BPM`, list);
  });
  line('as maps are spread', rows);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { half: { type: 'string' } } });
const [truth, folder] = positionals;
const all = JSON.parse(await readFile(truth, 'utf8')).sort((a, b) => (a.id < b.id ? -1 : 1));
const half = all.filter((_, i) => !values.half || i % 2 === (values.half === 'even' ? 0 : 1));
const [phases, tempi, bars] = [[], [], []];
for (const song of half) {
  // Where the written beats do not lie on the sound the tempo may be right all the same, as long as it does not change.
  if (!song.verified && song.tempo_class !== 'constant') continue;
  process.stderr.write(`${song.id}\n`);
  const audio = await decodeAudio(await readFile(join(folder, song.path))).catch(() => undefined);
  if (!audio) continue;
  const { mono, sampleRate } = audio;
  const features = computeFeatures(mono, sampleRate, computeHarmony(mono, sampleRate));
  const cut = partsOf(song, features);
  const cases = tempoCases(song, features, cut);
  if (cases.whole.length > 0) tempi.push(cases);
  if (!song.verified) continue;
  for (const [groups, caseOf] of [
    [phases, phaseCase],
    [bars, barCase],
  ]) {
    const whole = caseOf(song, { features, startMs: 0 });
    if (whole) groups.push({ whole: [whole], parts: cut.map((part) => caseOf(song, part)).filter(Boolean) });
  }
}
const casesOf = (groups) => groups.map((group) => [...group.whole, ...group.parts]);
weigh(phases);
weigh(tempi);
weigh(bars);
// A tempo's evidence is that of its best phase, so new weights of the phase are written down before those of the tempo are fitted.
report('phaseWeights', casesOf(phases), 0.01);
tempoTable(tempi, report('tempoWeights', casesOf(tempi), 0.005));
report('barWeights', casesOf(bars), 0.01);
