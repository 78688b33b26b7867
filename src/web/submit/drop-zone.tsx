import { useEffect, useRef, useState } from 'preact/hooks';
import { bytes, clock, number } from '../format.ts';
import { words } from '../language.ts';
import type { Limits } from '../service.ts';
import { ServiceErrorBox } from '../parts.tsx';
import { addSongs, removeSong, songs, stopSending, type Song } from './songs.ts';

/** Where songs come in: dropped anywhere on the page, or chosen. What the service takes is said before. */
export function DropZone({ limits, isMissing }: { limits: Limits | null; isMissing: boolean }) {
  const t = words();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const drag = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setOver(event.type !== 'dragleave' || event.relatedTarget !== null);
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      addSongs(event.dataTransfer?.files ?? [], limits);
    };
    addEventListener('dragover', drag);
    addEventListener('dragleave', drag);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', drag);
      removeEventListener('dragleave', drag);
      removeEventListener('drop', drop);
    };
  }, [limits]);
  return (
    <section class={`card drop ${over ? 'over' : ''}`} aria-label={t.songs}>
      <p class="drop-words">{t.dropHere}</p>
      <button
        id="choose-song"
        type="button"
        class="button primary"
        aria-describedby={`song-limits${isMissing ? ' song-missing' : ''}`}
        onClick={() => input.current?.click()}
      >
        {t.chooseSongs}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept={limits?.formats.map((format) => `.${format}`).join(',')}
        onChange={(event) => {
          addSongs(event.currentTarget.files ?? [], limits);
          event.currentTarget.value = ''; // the same file can be chosen again
        }}
      />
      <p class="hint" id="song-limits">
        {limits
          ? t.songLimits(
              limits.formats.join(', ').toUpperCase(),
              bytes(limits.max_upload_bytes),
              number(limits.max_audio_seconds / 60),
              number(limits.retention_seconds / 86_400, 1),
            )
          : '\u00a0'}
      </p>
      {isMissing && (
        <p class="field-problem" id="song-missing" role="alert">
          {t.chooseFirst}
        </p>
      )}
      {songs.value.length > 0 && (
        <ul class="songs">
          {songs.value.map((song) => (
            <SongRow key={song.key} song={song} />
          ))}
        </ul>
      )}
    </section>
  );
}

function SongRow({ song }: { song: Song }) {
  const t = words();
  const { file, seconds, refused, state, share, jobId, error, key } = song;
  const percent = Math.floor(share * 100);
  return (
    <li class="song">
      <div class="song-line">
        <span class="name">{file.name}</span>
        <span class="small">
          {[bytes(file.size), seconds === null ? '' : clock(seconds)].filter(Boolean).join(' · ')}
        </span>
        {jobId !== null && (
          <a class="button quiet" href={`/jobs/${jobId}`}>
            {t.watchJob}
          </a>
        )}
        {state === 'sending' ? (
          <button type="button" class="button quiet" onClick={() => stopSending(key)}>
            {t.stopUpload}
          </button>
        ) : (
          <button
            type="button"
            class="button quiet"
            aria-label={t.removeSong(file.name)}
            onClick={() => removeSong(key)}
          >
            ✕
          </button>
        )}
      </div>
      {refused !== null && (
        <p class="field-problem" role="alert">
          {t.problems[refused].what} {t.problems[refused].todo}
        </p>
      )}
      {state === 'sending' && (
        <div class="upload">
          <progress max={100} value={percent} aria-label={t.uploading(file.name)} />
          <span class="small">
            {share < 1 ? `${bytes(share * file.size)} / ${bytes(file.size)} · ${percent}%` : t.received}
          </span>
        </div>
      )}
      {error && <ServiceErrorBox error={error} />}
    </li>
  );
}
