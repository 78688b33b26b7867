import type { Preview } from '../../shared/preview.ts';
import { makeSounds, soundNames } from './hit-sounds.ts';
import { firstIndex } from './visible.ts';

/** Sounds are handed to the audio hardware so long before they are due, ms; the timer that does it may be late. */
const AHEAD = 100;
/** In a hidden tab timers come once a second. */
const AHEAD_HIDDEN = 1500;
const EVERY = 25;
/** A song that has just been started may stand once more (clock.ts), so for so long little is handed over, ms. */
const UNSTEADY = 300;
const AHEAD_UNSTEADY = 40;
/** The limiter looks so far ahead, and delays by as much, seconds (Web Audio API, DynamicsCompressorNode). */
const LIMITER_DELAY = 0.006;
/** One that is later than this is left out. */
const LATE = 40;

/**
 * Plays what is heard when each object is hit. `timeNow` and `rate` are the song's clock. Nothing sounds before `wake`, which a
 * user's action must have led to, for browsers keep an `AudioContext` silent otherwise.
 */
export function createHits({ sounds, mode }: Preview, timeNow: () => number, rate: () => number) {
  let audio: { context: AudioContext; out: GainNode; buffers: Map<string, AudioBuffer> } | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let volume = 1;
  let next = 0;
  let steadyFrom = 0;
  let looked = NaN;
  const coming = new Set<AudioBufferSourceNode>();

  function open() {
    const context = new AudioContext({ latencyHint: 'interactive' });
    const limiter = new DynamicsCompressorNode(context, { threshold: -8, ratio: 12, attack: 0.002, release: 0.08 });
    const out = new GainNode(context, { gain: volume });
    out.connect(limiter).connect(context.destination);
    return { context, out, buffers: makeSounds(context) };
  }

  function schedule() {
    if (!audio || audio.context.state !== 'running') return;
    const { context } = audio;
    const now = timeNow();
    const moves = now !== looked;
    looked = now;
    if (!moves) return;
    const heard = heardAt(context);
    const latency = (context.currentTime - heard) * 1000;
    const ahead = (latency + lead()) * rate();
    for (; next < sounds.length; next++) {
      const [time, additions, bank, loud] = sounds[next] ?? [Infinity, 0, 0, 0];
      if (time > now + ahead) return;
      if (time < now - LATE) continue;
      const when = Math.max(context.currentTime, heard + (time - now) / 1000 / rate() - LIMITER_DELAY);
      for (const name of soundNames(mode === 1, additions, bank)) strike(name, when, loud / 100);
    }
  }

  function lead(): number {
    if (performance.now() < steadyFrom) return AHEAD_UNSTEADY;
    return document.hidden ? AHEAD_HIDDEN : AHEAD;
  }

  function strike(name: string, when: number, loud: number) {
    const buffer = audio?.buffers.get(name);
    if (!audio || !buffer) return;
    const source = new AudioBufferSourceNode(audio.context, { buffer });
    source.connect(new GainNode(audio.context, { gain: loud })).connect(audio.out);
    source.onended = () => coming.delete(source);
    coming.add(source);
    source.start(when);
  }

  /** After a seek, a change of the rate or a pause, what was handed over is no longer due then. */
  function again() {
    for (const source of coming) source.stop();
    coming.clear();
    steadyFrom = performance.now() + UNSTEADY;
    const now = timeNow();
    next = firstIndex(sounds.length, (index) => (sounds[index]?.[0] ?? 0) >= now - 1);
  }

  return {
    /** To be called while the user's action is at work. */
    wake() {
      audio ??= open();
      void audio.context.resume();
    },
    start() {
      again();
      timer ??= setInterval(schedule, EVERY);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      again();
    },
    again,
    setVolume(value: number) {
      volume = value;
      if (audio) audio.out.gain.value = value;
    },
    close() {
      this.stop();
      void audio?.context.close();
    },
  };
}

/** What of the context's time is heard now, seconds: its own clock is ahead of the loudspeaker. */
function heardAt(context: AudioContext): number {
  const { contextTime, performanceTime } = context.getOutputTimestamp();
  if (!contextTime || !performanceTime) return context.currentTime - (context.outputLatency || 0);
  return contextTime + (performance.now() - performanceTime) / 1000;
}
