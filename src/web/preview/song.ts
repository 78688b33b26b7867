/** Longer songs are left to the browser, seconds: decoded, six minutes are 130 MB for a moment and 65 MB after. */
const MOST = 360;
const RATE = 44_100;
/** Samples that are written before the page gets its turn again. */
const SLICE = 500_000;

/**
 * Gives the song that an audio element has to it in a form in which browsers seek exactly. In an mp3 or ogg with a variable bit rate they land up
 * to 0.4 s beside the place that they say (measured in Chromium 156), and the map would be heard at the wrong place after each seek; in plain
 * samples they do not. What is too long or cannot be decoded stays as it is. It takes the whole song and its decoding: call it when somebody wants
 * to hear it. Rejects when the song cannot be played any more.
 */
export async function makeExact(audio: HTMLAudioElement, url: string, signal: AbortSignal): Promise<void> {
  if (!(audio.duration <= MOST)) return;
  const plain = await decode(url, signal).catch(() => undefined);
  signal.throwIfAborted();
  if (!plain) return;
  const samples = URL.createObjectURL(plain);
  try {
    await openSong(audio, samples, signal);
  } catch {
    URL.revokeObjectURL(samples);
    await openSong(audio, url, signal);
  }
}

/** Resolves when the song's length is known, and has not loaded much more by then; rejects when it cannot be played. */
export function openSong(audio: HTMLAudioElement, url: string, signal: AbortSignal): Promise<void> {
  audio.preload = 'metadata';
  return new Promise((resolve, reject) => {
    audio.addEventListener('loadedmetadata', () => resolve(), { once: true, signal });
    audio.addEventListener('error', () => reject(new Error('the song cannot be played')), { once: true, signal });
    audio.src = url;
  });
}

async function decode(url: string, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(url, { signal });
  return wav(await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await response.arrayBuffer()), signal);
}

/** 16 bits; more than two channels lose the others. */
async function wav(song: AudioBuffer, signal: AbortSignal): Promise<Blob> {
  const channels = Array.from({ length: Math.min(2, song.numberOfChannels) }, (_, index) => song.getChannelData(index));
  const samples = new Int16Array(song.length * channels.length);
  for (let start = 0; start < song.length; start += SLICE) {
    const end = Math.min(song.length, start + SLICE);
    for (const [offset, channel] of channels.entries())
      for (let index = start; index < end; index++)
        samples[index * channels.length + offset] = Math.max(-1, Math.min(1, channel[index] ?? 0)) * 32_767;
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
  return new Blob([wavHeader(samples.byteLength, channels.length), samples], { type: 'audio/wav' });
}

function wavHeader(bytes: number, channels: number): ArrayBuffer {
  const header = new DataView(new ArrayBuffer(44));
  const text = (at: number, letters: string) =>
    [...letters].forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  header.setUint32(4, 36 + bytes, true);
  text(8, 'WAVEfmt ');
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, channels, true);
  header.setUint32(24, RATE, true);
  header.setUint32(28, RATE * channels * 2, true);
  header.setUint16(32, channels * 2, true);
  header.setUint16(34, 16, true);
  text(36, 'data');
  header.setUint32(40, bytes, true);
  return header.buffer;
}
