// The freely licensed tempo finders of npm, run as their authors mean them to be, on mono sound at 44.1 kHz.
// Left out: realtime-bpm-analyzer (needs the Web Audio API, which Node has not).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
export const toolRate = 44_100;

/** Each gives { bpms, beats }: tempi of which the better one counts, and times of beats in ms. */
export const tools = { 'music-tempo': musicTempo, 'web-audio-beat-detector': webAudioBeatDetector };

function musicTempo(sound) {
  const MusicTempo = require('music-tempo');
  const { tempo, beats } = new MusicTempo(sound);
  const gaps = beats.slice(1).map((beat, i) => beat - beats[i]);
  const middle = [...gaps].sort((a, b) => a - b)[gaps.length >> 1];
  const times = beats.map((beat) => beat * 1000);
  return { bpms: [Number(tempo), 60 / middle].filter(Number.isFinite), beats: times };
}

/**
 * The package renders the sound through a low-pass of the Web Audio API in a worker of the browser. Here the filter is written out
 * (its defaults: 240 Hz, Q 1 dB) and the worker's own code gets a stand-in for the worker's global object.
 */
function webAudioBeatDetector(sound) {
  const { tempo, offset } = guess({ channelData: lowPass(sound, 240), sampleRate: toolRate });
  const beat = 60_000 / tempo;
  const count = Math.floor(((sound.length / toolRate) * 1000 - offset * 1000) / beat);
  return { bpms: [tempo], beats: Array.from({ length: Math.max(0, count) }, (_, n) => offset * 1000 + n * beat) };
}

let worker;
function guess(params) {
  if (!worker) {
    worker = {};
    globalThis.self ??= {
      addEventListener: (_, listener) => (worker.listen = listener),
      removeEventListener: () => undefined,
      postMessage: (message) => (worker.answer = message),
    };
    require('web-audio-beat-detector-worker');
  }
  worker.answer = undefined;
  worker.listen({ data: { id: 1, method: 'guess', params } });
  if (!worker.answer?.result) throw new Error(worker.answer?.error?.message ?? 'no answer');
  return worker.answer.result;
}

/** The low-pass biquad of the Web Audio specification. */
function lowPass(sound, hz) {
  const omega = (2 * Math.PI * hz) / toolRate;
  const alpha = Math.sin(omega) / (2 * 10 ** (1 / 20));
  const cos = Math.cos(omega);
  const a0 = 1 + alpha;
  const [b0, b1, a1, a2] = [(1 - cos) / 2 / a0, (1 - cos) / a0, (-2 * cos) / a0, (1 - alpha) / a0];
  const out = new Float32Array(sound.length);
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  for (let i = 0; i < sound.length; i += 1) {
    const y = b0 * sound[i] + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
    [x2, x1, y2, y1] = [x1, sound[i], y1, y];
    out[i] = y;
  }
  return out;
}
