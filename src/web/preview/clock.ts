/** Above this the clock jumps to what the audio says; below, it drifts there unseen. ms. */
const JUMP = 20;
/** The share of a small difference that one reading takes away. */
const SLEW = 0.1;
/** So long the clock goes on without a new reading where each look finds one, and as much more as readings are usually old elsewhere. ms. */
const STALL = 18;
/** So long after a start or a seek it is taken by its word, for it moves, stands for some 70 ms and moves again (Chromium). ms. */
const SETTLE = 300;

type Song = Pick<
  HTMLMediaElement,
  'currentTime' | 'paused' | 'seeking' | 'playbackRate' | 'defaultPlaybackRate' | 'play' | 'pause'
>;

/**
 * Where the song is. The audio element is the truth, but what it says changes in steps in some browsers, so between two readings
 * `performance.now()` goes on from the last. Times are ms of the map: what is heard is `shiftMs` later in the browser (`Preview.audio_shift_ms`), so the
 * map's time is the audio's less the shift. Before the audio has come, and without one that can be played, the clock goes by itself.
 */
export function createClock(audio: Song, shiftMs: number) {
  let rate = 1;
  let reading = NaN;
  let settledAt = 0;
  /** How long each of the last readings stayed what it was. */
  const ages: number[] = [];
  let lookedAt = 0;
  /** What the clock goes on from. */
  let anchor: { at: number; heard: number } | undefined;
  /** Stands in for the audio until that has come, and when it has failed. */
  let alone: { at: number; time: number; playing: boolean } | undefined = { at: 0, time: 0, playing: false };

  const aloneAt = (now: number, { at, time, playing }: NonNullable<typeof alone>) =>
    playing ? time + (now - at) * rate : time;

  /** What comes is a start. */
  function stand(now: number): void {
    anchor = undefined;
    settledAt = now + SETTLE;
    ages.length = 0;
  }

  /** The middle one, for a song that waits for the network once does not make its browser one with coarse steps. */
  const usualAge = () => [...ages].sort((one, other) => one - other)[ages.length >> 1] ?? 0;

  function follow(now: number): number {
    const heard = audio.currentTime * 1000;
    if (audio.paused || audio.seeking) {
      reading = heard;
      stand(now);
    } else if (heard !== reading) {
      const expected = anchor ? anchor.heard + (now - anchor.at) * rate : heard;
      const off = heard - expected;
      if (anchor) ages.push(lookedAt - anchor.at);
      if (ages.length > 9) ages.shift();
      anchor = { at: now, heard: now <= settledAt || Math.abs(off) > JUMP ? heard : expected + off * SLEW };
      reading = heard;
    }
    lookedAt = now;
    if (!anchor || now <= settledAt) return heard;
    return anchor.heard + Math.min(now - anchor.at, STALL + 1.5 * usualAge()) * rate;
  }

  return {
    time(now = performance.now()): number {
      return alone ? aloneAt(now, alone) : follow(now) - shiftMs;
    },
    /** Starts the audio; rejects as `play()` does. */
    async play(): Promise<void> {
      if (alone) alone = { at: performance.now(), time: this.time(), playing: true };
      else await audio.play();
    },
    pause(): void {
      if (alone) alone = { at: 0, time: this.time(), playing: false };
      else audio.pause();
    },
    seek(time: number): void {
      if (alone) alone = { ...alone, at: performance.now(), time };
      else audio.currentTime = Math.max(0, time + shiftMs) / 1000;
      stand(performance.now());
    },
    setRate(value: number): void {
      if (alone) alone = { ...alone, at: performance.now(), time: this.time() };
      rate = value;
      audio.defaultPlaybackRate = value;
      audio.playbackRate = value;
      stand(performance.now());
    },
    /** The audio has come: from here on it is the truth, and takes over the place. */
    join(): void {
      const time = this.time();
      alone = undefined;
      this.seek(time);
    },
    /** The audio cannot be played: go on without it. */
    leave(playing: boolean): void {
      alone ??= { at: performance.now(), time: this.time(), playing };
    },
  };
}
