/**
 * Composes, synthesises and encodes assets/demo-song.ogg: `node scripts/make-demo-song.mjs [out.ogg]`.
 * Nothing is sampled, and the noise comes from a fixed seed: every run makes the same piece.
 */
import { writeFile } from 'node:fs/promises';
import { createOggEncoder } from 'wasm-media-encoders';
import { withVorbisComments } from './vorbis-comments.mjs';

const rate = 44_100;
const bpm = 128;
const beat = 60 / bpm;
const bar = 4 * beat;
const leadIn = 0.5;
const sections = { intro: 4, verse: 4, chorus: 8, break: 2, finale: 8 };
const bars = Object.values(sections).reduce((sum, n) => sum + n, 0);
const frames = Math.round((leadIn + bars * bar + 1.8) * rate);

const chords = {
  intro: 'Am F C G',
  verse: 'Am F C G',
  chorus: 'F G Am C F G Am Am',
  break: 'Dm E',
  finale: 'F G Am C F G Am Am',
};
const tones = {
  Am: [57, 60, 64],
  F: [53, 57, 60],
  C: [55, 60, 64],
  G: [55, 59, 62],
  Dm: [57, 62, 65],
  E: [56, 59, 64],
};
const roots = { Am: 33, F: 29, C: 36, G: 31, Dm: 38, E: 28 };

// Eight eighths a bar: a note, `.` to hold the one before, `-` to rest.
const verseTune = ['A4 . . C5 . . E5 .', 'C5 . . A4 . . F4 .', 'E4 . G4 . C5 . . E5', 'D5 . . B4 . . G4 .'];
const chorusTune = [
  'C5 . A4 C5 . F5 E5 C5',
  'D5 . B4 D5 . G5 F5 D5',
  'E5 . C5 E5 . A5 G5 E5',
  'G5 . E5 . D5 C5 D5 E5',
  'F5 . C5 A4 . C5 F5 A5',
  'G5 . D5 B4 . D5 G5 B5',
  'A5 . E5 . C5 D5 E5 G5',
  'A5 . . . E5 . A4 .',
];
const breakTune = ['A4 . D5 . F5 . E5 D5', 'B4 . E5 . G#5 . . .'];
const tunes = { verse: verseTune, chorus: chorusTune, break: breakTune, finale: chorusTune };

const track = () => ({ left: new Float32Array(frames), right: new Float32Array(frames) });
const drums = track();
const music = track();
const echoed = track();
const kicks = [];

let noiseState = 0x2545f491;
function noise() {
  noiseState ^= noiseState << 13;
  noiseState ^= noiseState >>> 17;
  noiseState ^= noiseState << 5;
  return noiseState / 0x80000000;
}

const hertz = (midi) => 440 * 2 ** ((midi - 69) / 12);
const saw = (phase) => 2 * (phase - Math.floor(phase + 0.5));
const square = (phase) => Math.tanh(6 * Math.sin(2 * Math.PI * phase));

function midiOf(name) {
  const [, letter, sharp, octave] = /^([A-G])(#?)(\d)$/.exec(name);
  return 12 * (Number(octave) + 1) + { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }[letter] + (sharp ? 1 : 0);
}

/** Adds `seconds` of voice(t) at a time of the song; pan −1 is left, 1 right. */
function sound(out, at, seconds, gain, pan, voice) {
  const start = Math.round((leadIn + at) * rate);
  const end = Math.min(frames, start + Math.round(seconds * rate));
  const left = gain * Math.cos(((pan + 1) * Math.PI) / 4);
  const right = gain * Math.sin(((pan + 1) * Math.PI) / 4);
  for (let i = start; i < end; i += 1) {
    const value = voice((i - start) / rate);
    out.left[i] += left * value;
    out.right[i] += right * value;
  }
}

/** One-pole low pass whose corner (Hz) may move. */
function lowPass() {
  let y = 0;
  return (x, corner) => (y += (1 - Math.exp((-2 * Math.PI * corner) / rate)) * (x - y));
}

const attackRelease = (t, length, attack, release) => Math.min(1, t / attack, Math.max(0, (length - t) / release));

function kick(at) {
  kicks.push(at);
  let phase = 0;
  sound(drums, at, 0.32, 0.95, 0, (t) => {
    phase += (46 + 130 * Math.exp(-t * 38)) / rate;
    return Math.sin(2 * Math.PI * phase) * Math.exp(-t * 9) + 0.25 * noise() * Math.exp(-t * 350);
  });
}

function snare(at, gain = 0.5) {
  const dark = lowPass();
  sound(drums, at, 0.24, gain, 0.05, (t) => {
    const hiss = noise();
    return (hiss - dark(hiss, 1100)) * Math.exp(-t * 19) + 0.7 * Math.sin(2 * Math.PI * 188 * t) * Math.exp(-t * 30);
  });
}

function hat(at, gain, decay = 60, pan = 0.25) {
  const dark = lowPass();
  sound(drums, at, 5 / decay, gain, pan, (t) => {
    const hiss = noise();
    return (hiss - dark(hiss, 7500)) * Math.exp(-t * decay);
  });
}

const crash = (at) => hat(at, 0.34, 2.6, -0.2);

function riser(at, seconds) {
  const filter = lowPass();
  sound(drums, at, seconds, 0.3, 0, (t) => (t / seconds) ** 2 * filter(noise(), 300 + 7000 * (t / seconds) ** 2));
}

function bass(at, seconds, midi, gain = 0.42) {
  const filter = lowPass();
  const f = hertz(midi);
  sound(music, at, seconds, gain, 0, (t) => {
    const tone = saw(f * t) + 0.8 * Math.sin(2 * Math.PI * f * t);
    return filter(tone, 250 + 900 * Math.exp(-t * 12)) * attackRelease(t, seconds, 0.004, 0.02);
  });
}

function pad(at, seconds, chord, gain, brightness) {
  for (const midi of tones[chord]) {
    for (const [detune, pan] of [
      [0.995, -0.7],
      [1.004, 0.7],
    ]) {
      const filter = lowPass();
      const f = hertz(midi) * detune;
      sound(music, at, seconds, gain, pan, (t) => {
        return filter(saw(f * t + pan), brightness) * attackRelease(t, seconds, 0.03, 0.08);
      });
    }
  }
}

function pluck(at, midi, gain, brightness, pan) {
  const filter = lowPass();
  const f = hertz(midi);
  sound(echoed, at, 0.3, gain, pan, (t) => {
    return filter(saw(f * t), 200 + brightness * Math.exp(-t * 14)) * Math.exp(-t * 9) * Math.min(1, t / 0.002);
  });
}

function lead(at, seconds, midi, gain) {
  const filter = lowPass();
  let phase = 0;
  sound(echoed, at, seconds, gain, -0.08, (t) => {
    const vibrato = 1 + 0.006 * Math.min(1, t / 0.3) * Math.sin(2 * Math.PI * 5.5 * t);
    phase += (hertz(midi) * vibrato) / rate;
    const tone = 0.6 * square(phase) + 0.5 * saw(phase * 1.003);
    return filter(tone, 1400 + 2600 * Math.exp(-t * 6)) * attackRelease(t, seconds, 0.006, 0.05);
  });
}

function playTune(at, line, gain) {
  const steps = line.split(' ');
  steps.forEach((step, i) => {
    if (step === '.' || step === '-') return;
    let length = 1;
    while (steps[i + length] === '.') length += 1;
    lead(at + (i * beat) / 2, (length * beat) / 2 - 0.02, midiOf(step), gain);
  });
}

function arpeggio(at, chord, gain, brightness) {
  const order = [0, 1, 2, 1, 2, 0, 1, 2, 0, 2, 1, 2, 0, 1, 2, 1];
  order.forEach((tone, i) => {
    const octave = i % 4 === 3 ? 24 : 12;
    pluck(at + (i * beat) / 4, tones[chord][tone] + octave, gain, brightness, i % 2 ? 0.5 : -0.5);
  });
}

function drumBar(section, at, n, last) {
  const full = section === 'chorus' || section === 'finale';
  if (section === 'break') {
    const rolls = last ? 16 : 0;
    for (let i = 0; i < rolls; i += 1) snare(at + (i * beat) / 4, 0.1 + (0.3 * i) / rolls);
    return;
  }
  for (let i = 0; i < 4; i += 1) {
    const t = at + i * beat;
    if (full || (section === 'verse' && i % 2 === 0) || (section === 'intro' && n >= 2)) kick(t);
    if (section === 'verse' && i === 2) kick(t + beat / 2);
    if (section !== 'intro' && i % 2 === 1) snare(t);
    if (section !== 'intro' || n >= 1) hat(t + beat / 2, full ? 0.3 : 0.2, full ? 24 : 60);
    if (section !== 'intro') hat(t, 0.14);
    if (full) [1, 3].forEach((q) => hat(t + (q * beat) / 4, 0.09, 80, -0.3));
  }
  if (last) [12, 13, 14, 15].forEach((q, i) => snare(at + (q * beat) / 4, 0.25 + 0.08 * i));
}

function bassBar(section, at, chord) {
  const root = roots[chord];
  if (section === 'break') return bass(at, bar - 0.05, root, 0.3);
  if (section === 'verse') return [0, 1.5, 2, 3.5].forEach((b) => bass(at + b * beat, beat * 0.45, root));
  for (let i = 0; i < 8; i += 1) bass(at + (i * beat) / 2, beat * 0.42, root + (i % 2 ? 12 : 0));
}

function compose() {
  let at = 0;
  for (const [section, count] of Object.entries(sections)) {
    const full = section === 'chorus' || section === 'finale';
    const progression = chords[section].split(' ');
    if (section !== 'break') crash(at);
    for (let n = 0; n < count; n += 1, at += bar) {
      const chord = progression[n % progression.length];
      const opening = section === 'intro' ? 500 + 700 * n : 3200;
      drumBar(section, at, n, n === count - 1);
      if (section !== 'intro') bassBar(section, at, chord);
      pad(at, bar, chord, full ? 0.05 : 0.04, full ? 2400 : 900);
      if (section !== 'break') arpeggio(at, chord, full ? 0.13 : 0.17, opening);
      const line = tunes[section]?.[n];
      if (line) playTune(at, line, full ? 0.2 : 0.15);
    }
    if (section === 'verse' || section === 'break') riser(at - bar, bar);
  }
  crash(at);
  kick(at);
  bass(at, 1.2, roots.Am);
  pad(at, 1.4, 'Am', 0.06, 1800);
  lead(at, 1.1, midiOf('A4'), 0.16);
}

/** Ping-pong echo of a dotted eighth. */
function echo({ left, right }) {
  const delay = Math.round(0.75 * beat * rate);
  for (let i = delay; i < frames; i += 1) {
    const l = left[i - delay];
    left[i] += 0.32 * right[i - delay];
    right[i] += 0.32 * l;
  }
}

/** How far the music steps back at each frame, so that every kick is heard. */
function duckEnvelope() {
  const envelope = new Float32Array(frames).fill(1);
  for (const at of kicks) {
    const start = Math.round((leadIn + at) * rate);
    for (let i = 0; i < 0.25 * rate && start + i < frames; i += 1)
      envelope[start + i] = 0.45 + 0.55 * (i / (0.25 * rate));
  }
  return envelope;
}

function mix(side, duck) {
  const out = new Float32Array(frames);
  for (let i = 0; i < frames; i += 1) {
    const sum = drums[side][i] + duck[i] * music[side][i] + (0.6 + 0.4 * duck[i]) * echoed[side][i];
    const fade = Math.min(1, (frames - i) / (0.4 * rate));
    out[i] = 0.89 * Math.tanh(0.95 * sum) * fade;
  }
  return out;
}

async function encode(left, right) {
  const encoder = await createOggEncoder();
  encoder.configure({ sampleRate: rate, channels: 2, vbrQuality: 2, oggSerialNo: 128 });
  const parts = [];
  for (let i = 0; i < frames; i += 8192) {
    parts.push(encoder.encode([left.subarray(i, i + 8192), right.subarray(i, i + 8192)]).slice());
  }
  parts.push(encoder.finalize().slice());
  return Buffer.concat(parts);
}

compose();
echo(echoed);
const duck = duckEnvelope();
const ogg = withVorbisComments(await encode(mix('left', duck), mix('right', duck)), {
  TITLE: 'First Light on the Grid',
  ARTIST: 'The House Band',
  GENRE: 'Electronic',
  BPM: `${bpm}`,
  LICENSE: 'https://creativecommons.org/publicdomain/zero/1.0/',
});
const target = process.argv[2] ?? 'assets/demo-song.ogg';
await writeFile(target, ogg);
console.log(`${target}: ${(frames / rate).toFixed(1)} s, ${bpm} BPM, ${Math.round(ogg.length / 1024)} KiB`);
