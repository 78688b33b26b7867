import { effect, signal } from '@preact/signals';
import type { Preview } from '../../shared/preview.ts';
import { createClock } from './clock.ts';
import { createHits } from './hits.ts';
import { remember, rememberedLevels } from './levels.ts';
import { makeExact, openSong } from './song.ts';

export const RATES = [0.5, 0.75, 1, 1.5] as const;

export type Playback = ReturnType<typeof createPlayback>;

/** A song, the hits on it and the frames of both. Times are ms of the map. Call `close` when it is no longer shown. */
export function createPlayback(preview: Preview, audioUrl: string) {
  const audio = new Audio();
  const closing = new AbortController();
  const clock = createClock(audio, preview.audio_shift_ms);
  const playing = signal(false);
  /** Nobody has pressed or moved anything yet. */
  const untouched = signal(true);
  const rate = signal(1);
  /** Whole seconds: what the text and screen readers need to know. */
  const second = signal(0);
  const length = signal(preview.end + 1000);
  const song = signal<'loading' | 'there' | 'failed'>('loading');
  const levels = rememberedLevels();
  const hits = createHits(
    preview,
    () => clock.time(),
    () => rate.peek(),
  );
  const frames = createFrames(look, () => playing.peek());
  const { redraw } = frames;

  const now = () => Math.min(clock.time(), length.peek());

  function look(): number {
    const time = now();
    second.value = Math.max(0, Math.floor(time / 1000));
    // A song says itself that it has ended.
    if (playing.peek() && song.peek() === 'failed' && time >= length.peek()) pause();
    return time;
  }

  async function play() {
    if (clock.time() >= length.peek() - 50) seek(0);
    playing.value = true;
    untouched.value = false;
    hits.wake();
    redraw();
    await songSettled;
    await (songExact ??= refine());
    if (!playing.peek()) return;
    try {
      await clock.play();
      if (playing.peek()) hits.start();
    } catch (error) {
      // A pause that comes before the sound is no failure; a song that cannot be played says so by its own event.
      if ((error as Error).name === 'NotAllowedError') pause();
    }
  }

  function pause() {
    playing.value = false;
    clock.pause();
    hits.stop();
    redraw();
  }

  function seek(time: number) {
    untouched.value = false;
    clock.seek(Math.min(length.peek(), Math.max(0, time)));
    hits.again();
    redraw();
  }

  function songCame() {
    clock.join();
    // A stream that does not say how long it is stays as long as the map.
    if (Number.isFinite(audio.duration))
      length.value = Math.max(preview.end, audio.duration * 1000 - preview.audio_shift_ms);
    song.value = 'there';
    redraw();
  }

  /** Once, when somebody first wants to hear it. Meanwhile the clock stands by itself. */
  async function refine() {
    if (song.peek() !== 'there') return;
    clock.leave(false);
    song.value = 'loading';
    await makeExact(audio, audioUrl, closing.signal).then(songCame, songFailed);
  }

  function songFailed() {
    if (closing.signal.aborted) return;
    clock.leave(playing.peek());
    song.value = 'failed';
    redraw();
  }

  function setRate(value: number) {
    rate.value = value;
    clock.setRate(value);
    hits.again();
  }

  let songExact: Promise<void> | undefined;
  const songSettled = openSong(audio, audioUrl, closing.signal).then(songCame, songFailed);
  audio.addEventListener('error', () => song.peek() === 'there' && songFailed());
  audio.addEventListener('seeked', redraw);
  audio.addEventListener('ended', pause);
  // By the system, for a call or a headset's button.
  audio.addEventListener('pause', () => playing.peek() && song.peek() === 'there' && pause());
  const stopLevels = effect(() => {
    audio.volume = levels.song.value ** 2;
    audio.muted = levels.muted.value;
    hits.setVolume(levels.muted.value ? 0 : levels.hits.value ** 2);
    remember(levels);
  });

  // The first thing to be seen is the first object coming up, not a field that is still empty.
  clock.seek(Math.max(0, (preview.objects[0]?.time ?? 0) - 400));

  return {
    playing,
    untouched,
    rate,
    second,
    length,
    song,
    levels,
    play,
    pause,
    seek,
    setRate,
    redraw,
    time: now,
    onFrame: frames.onFrame,
    close() {
      frames.close();
      stopLevels();
      hits.close();
      closing.abort();
      URL.revokeObjectURL(audio.src);
      audio.removeAttribute('src');
      audio.load();
    },
  };
}

/** Frames on demand: while nothing goes on and nobody asks there is none. */
function createFrames(look: () => number, goesOn: () => boolean) {
  const drawers = new Set<(time: number) => void>();
  let frame = 0;

  function draw() {
    frame = 0;
    const time = look();
    for (const each of drawers) each(time);
    if (goesOn()) redraw();
  }

  function redraw() {
    frame ||= requestAnimationFrame(draw);
  }

  return {
    redraw,
    /** Draws with each frame until the function that it returns is called. */
    onFrame(draws: (time: number) => void): () => void {
      drawers.add(draws);
      redraw();
      return () => drawers.delete(draws);
    },
    close: () => cancelAnimationFrame(frame),
  };
}
