import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Preview } from '../../shared/preview.ts';
import { fitCanvas } from './canvas.ts';
import { Controls, Icon, PLAY } from './controls.tsx';
import { Facts, summaryOf } from './facts.tsx';
import { createField } from './field.ts';
import { createPlayback, type Playback } from './playback.ts';
import './player.css';
import { Timeline } from './timeline.tsx';
import { itemAt } from './visible.ts';
import { type Language, words as dictionary } from './words.ts';

/** At a scroll speed of 1 a mania note would fall for so long, ms (osu! wiki, Gameplay/Scroll speed). */
const FALL_AT_1 = 11_485;

interface Props {
  preview: Preview;
  /** Where the song is; one that cannot be played leaves the map to be looked at in silence. */
  audioUrl: string;
  language: Language;
}

/** See and hear a map: the playfield in time with the song, a timeline, and what a mapper wants to turn. Nothing plays before somebody asks. */
export default function Player({ preview, audioUrl, language }: Props) {
  const words = dictionary[language];
  const playback = useMemo(() => createPlayback(preview, audioUrl), [preview, audioUrl]);
  useEffect(() => () => playback.close(), [playback]);

  const song = playback.song.value;
  return (
    <div
      class="preview"
      role="group"
      aria-label={words.player}
      onKeyDown={(event) => pressKey(event, preview, playback)}
    >
      <div class="preview-screen" data-mode={preview.mode}>
        <Field preview={preview} playback={playback} />
        <Timeline preview={preview} playback={playback} words={words} />
      </div>
      <p class="preview-summary" id="preview-summary">
        {summaryOf(preview, words)}
      </p>
      <p class="preview-note" role="status">
        {song === 'failed' && words.songFailed}
        {song === 'loading' && playback.playing.value && words.songLoading}
      </p>
      <Controls playback={playback} words={words} scrolls={preview.mode === 3} />
      <Facts preview={preview} words={words} />
    </div>
  );
}

function Field({ preview, playback }: { preview: Preview; playback: Playback }) {
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    if (!canvas.current) return;
    const fitted = fitCanvas(canvas.current, playback.redraw);
    const draw = createField(preview);
    const reduced = matchMedia('(prefers-reduced-motion: reduce)');
    const stop = playback.onFrame((time) => {
      const { width, height, context, density } = fitted.begin();
      const fallMs = FALL_AT_1 / playback.levels.scrollSpeed.peek();
      if (width > 0) draw({ context, density, width, height, time, calm: reduced.matches, fallMs });
    });
    return () => {
      stop();
      fitted.release();
    };
  }, [preview, playback]);

  const toggle = () => (playback.playing.peek() ? playback.pause() : void playback.play());
  return (
    <div class="preview-field" onClick={toggle}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${preview.title} [${preview.difficulty}]`}
        aria-describedby="preview-summary"
      />
      {/* The button below does the same for the keyboard. */}
      {playback.untouched.value && (
        <span class="preview-poster" aria-hidden="true">
          <Icon path={PLAY} />
        </span>
      )}
    </div>
  );
}

/** Space plays and pauses unless it is for the button it is pressed on; comma and full stop go by a quarter of a beat. */
function pressKey(event: KeyboardEvent, { timing }: Preview, playback: Playback): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
  const quarter = (itemAt(timing, (line) => line.time, playback.time())?.beat_ms ?? 500) / 4;
  if (event.key === ' ' && !onControl) {
    if (playback.playing.peek()) playback.pause();
    else void playback.play();
  } else if (event.key === ',') playback.seek(playback.time() - quarter);
  else if (event.key === '.') playback.seek(playback.time() + quarter);
  else return;
  event.preventDefault();
}
