/** How each sound is made: every part is noise or a tone that falls away; none is anybody's recording. */
interface Part {
  /** Hz at the start and the end; noise when there is none. */
  tone?: [from: number, to: number];
  /** Of the noise, how much of it changes from one sample to the next: 1 hisses, 0.1 rumbles. */
  bright?: number;
  /** After so many seconds. */
  after?: number;
  /** Until it is down to a third, seconds. */
  decay: number;
  level: number;
}

const RECIPES: Record<string, Part[]> = {
  'normal-hit': [
    { tone: [1500, 900], decay: 0.012, level: 0.5 },
    { bright: 0.6, decay: 0.018, level: 0.5 },
  ],
  'normal-whistle': [{ tone: [2100, 2300], decay: 0.09, level: 0.35 }],
  'normal-finish': [{ bright: 1, decay: 0.28, level: 0.45 }],
  'normal-clap': claps(0.9, 0.5),
  'soft-hit': [
    { tone: [900, 620], decay: 0.016, level: 0.45 },
    { bright: 0.3, decay: 0.012, level: 0.3 },
  ],
  'soft-whistle': [{ tone: [1250, 1320], decay: 0.14, level: 0.3 }],
  'soft-finish': [{ bright: 0.8, decay: 0.36, level: 0.3 }],
  'soft-clap': claps(0.5, 0.4),
  'drum-hit': [{ tone: [260, 90], decay: 0.05, level: 0.8 }],
  'drum-whistle': [{ tone: [420, 180], decay: 0.1, level: 0.6 }],
  'drum-finish': [
    { tone: [120, 45], decay: 0.18, level: 0.9 },
    { bright: 0.7, decay: 0.2, level: 0.25 },
  ],
  'drum-clap': [
    { tone: [330, 200], decay: 0.03, level: 0.5 },
    { bright: 0.7, decay: 0.06, level: 0.5 },
  ],
  tick: [{ tone: [2400, 2200], decay: 0.012, level: 0.22 }],
  don: [
    { tone: [190, 85], decay: 0.06, level: 0.85 },
    { bright: 0.15, decay: 0.01, level: 0.3 },
  ],
  kat: [
    { tone: [1150, 800], decay: 0.02, level: 0.5 },
    { bright: 0.7, decay: 0.015, level: 0.4 },
  ],
  'big-don': [
    { tone: [150, 60], decay: 0.13, level: 0.9 },
    { bright: 0.2, decay: 0.03, level: 0.3 },
  ],
  'big-kat': [
    { tone: [1000, 600], decay: 0.04, level: 0.6 },
    { bright: 0.8, decay: 0.05, level: 0.5 },
  ],
};

function claps(bright: number, level: number): Part[] {
  return [0, 0.011, 0.022].map((after) => ({ bright, after, decay: after === 0.022 ? 0.07 : 0.008, level }));
}

const BANKS = ['normal', 'soft', 'drum'];
const ADDITIONS = [
  [2, 'whistle'],
  [4, 'finish'],
  [8, 'clap'],
] as const;

/** Which sounds a hit is made of, for `Preview.sounds`. */
export function soundNames(taiko: boolean, additions: number, bank: number): string[] {
  if (taiko) return [`${additions & 4 ? 'big-' : ''}${additions & 8 ? 'kat' : 'don'}`];
  if (additions & 1) return ['tick'];
  const name = BANKS[bank - 1] ?? 'normal';
  return [`${name}-hit`, ...ADDITIONS.filter(([bit]) => additions & bit).map(([, addition]) => `${name}-${addition}`)];
}

/** Renders every sound once; a few ms. */
export function makeSounds(context: BaseAudioContext): Map<string, AudioBuffer> {
  return new Map(Object.entries(RECIPES).map(([name, parts]) => [name, render(context, parts)]));
}

function render(context: BaseAudioContext, parts: readonly Part[]): AudioBuffer {
  const rate = context.sampleRate;
  const seconds = Math.max(...parts.map(({ after = 0, decay }) => after + decay * 6));
  const buffer = context.createBuffer(1, Math.ceil(seconds * rate), rate);
  const samples = buffer.getChannelData(0);
  for (const { tone, bright = 1, after = 0, decay, level } of parts) {
    let phase = 0;
    let noise = 0;
    for (let index = Math.round(after * rate); index < samples.length; index++) {
      const age = index / rate - after;
      // 1 ms of rise, so that nothing clicks.
      const loud = level * Math.exp(-age / decay) * Math.min(1, age / 0.001);
      noise += (Math.random() * 2 - 1 - noise) * bright;
      const [from, to] = tone ?? [0, 0];
      phase += ((to + (from - to) * Math.exp(-age / decay)) / rate) * 2 * Math.PI;
      samples[index] = (samples[index] ?? 0) + loud * (tone ? Math.sin(phase) : noise);
    }
  }
  return buffer;
}
