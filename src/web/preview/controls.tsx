import type { Signal } from '@preact/signals';
import { type Playback, RATES } from './playback.ts';
import { clockText, type Words } from './words.ts';

interface Props {
  playback: Playback;
  words: Words;
  /** Mania has a scroll speed. */
  scrolls: boolean;
}

export function Controls({ playback, words, scrolls }: Props) {
  const { levels } = playback;
  const playing = playback.playing.value;
  const muted = levels.muted.value;
  return (
    <div class="preview-controls">
      <div class="preview-row">
        <button
          type="button"
          class="preview-play"
          aria-label={playing ? words.pause : words.play}
          onClick={() => (playing ? playback.pause() : void playback.play())}
        >
          <Icon path={playing ? PAUSE : PLAY} />
        </button>
        <span class="preview-time">
          {clockText(playback.second.value * 1000)} / {clockText(playback.length.value)}
        </span>
        <div class="preview-rates" role="group" aria-label={words.speed}>
          {RATES.map((rate) => (
            <button
              type="button"
              key={rate}
              aria-pressed={playback.rate.value === rate}
              onClick={() => playback.setRate(rate)}
            >
              {rate}×
            </button>
          ))}
        </div>
      </div>
      <div class="preview-row">
        <button
          type="button"
          aria-label={muted ? words.unmute : words.mute}
          onClick={() => (levels.muted.value = !muted)}
        >
          <Icon path={muted ? MUTED : SOUND} />
        </button>
        <Level label={words.song} level={levels.song} most={1} step={0.05} />
        <Level label={words.hits} level={levels.hits} most={1} step={0.05} />
        {scrolls && (
          <Level
            label={words.scrollSpeed}
            level={levels.scrollSpeed}
            least={10}
            most={40}
            step={1}
            changed={playback.redraw}
          />
        )}
      </div>
    </div>
  );
}

interface LevelProps {
  label: string;
  level: Signal<number>;
  least?: number;
  most: number;
  step: number;
  changed?: () => void;
}

function Level({ label, level, least = 0, most, step, changed }: LevelProps) {
  const shown = most === 1 ? `${Math.round(level.value * 100)}%` : String(level.value);
  return (
    <label class="preview-level">
      <span>
        {label} <b aria-hidden="true">{shown}</b>
      </span>
      <input
        type="range"
        min={least}
        max={most}
        step={step}
        value={level.value}
        aria-valuetext={shown}
        onInput={(event) => {
          level.value = event.currentTarget.valueAsNumber;
          changed?.();
        }}
      />
    </label>
  );
}

export const PLAY = 'M8 5v14l11-7z';
const PAUSE = 'M7 5h3.5v14H7zM13.5 5H17v14h-3.5z';
const SOUND = 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM14.5 8.5a5 5 0 0 1 0 7M16.8 6a8.5 8.5 0 0 1 0 12';
const MUTED = 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9.5l5 5M20.5 9.5l-5 5';

export const Icon = ({ path }: { path: string }) => (
  <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
    <path d={path} />
  </svg>
);
