import { useRef } from 'preact/hooks';
import type { FieldProblem } from '../../shared/problems.ts';
import { words } from '../language.ts';
import { Problem } from './field.tsx';

/** A map that is there already, whose timing or objects are used. */
export function BeatmapFile({
  file,
  set,
  problem,
}: {
  file: File | null;
  set: (file: File | null) => void;
  problem: FieldProblem | undefined;
}) {
  const t = words();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="field">
      <span class="label">{t.beatmapFile}</span>
      <div class="inline-form">
        <button
          type="button"
          class="button"
          aria-invalid={problem !== undefined}
          onClick={() => input.current?.click()}
        >
          {file?.name ?? t.chooseBeatmap}
        </button>
        {file && (
          <button type="button" class="button quiet" aria-label={t.removeSong(file.name)} onClick={() => set(null)}>
            ✕
          </button>
        )}
      </div>
      <input
        ref={input}
        type="file"
        accept=".osu"
        hidden
        onChange={(event) => set(event.currentTarget.files?.[0] ?? null)}
      />
      <p class="hint">{t.beatmapHint}</p>
      <Problem name="beatmap_file" problem={problem} />
    </div>
  );
}

/** The map that an earlier job was sent with: used again, or left out. */
export function KeptBeatmap({
  name,
  keeps,
  set,
  problem,
}: {
  name: string;
  keeps: boolean;
  set: (keeps: boolean) => void;
  problem: FieldProblem | undefined;
}) {
  return (
    <div class="field">
      <label class="check">
        <input
          type="checkbox"
          aria-invalid={problem !== undefined}
          checked={keeps}
          onChange={(event) => set(event.currentTarget.checked)}
        />
        <span>{words().keepBeatmap(name)}</span>
      </label>
      <Problem name="beatmap_file" problem={problem} />
    </div>
  );
}
