import { useEffect, useRef, useState } from 'preact/hooks';
import type { FieldProblem } from '../../shared/problems.ts';
import { go } from '../address.ts';
import { words } from '../language.ts';
import { Loading, ServiceErrorBox } from '../parts.tsx';
import { asServiceError, ask, newKey, type JobRecord, type ModelDetails, type ServiceError } from '../service.ts';
import { BeatmapFile, KeptBeatmap } from './beatmap-file.tsx';
import { Field, type FieldProps } from './field.tsx';
import { Head } from './head.tsx';
import { Presets } from './presets.tsx';
import { changesFor, makeAgain, named, sendSongs, type Named } from './sending.ts';
import {
  basics,
  fieldsOf,
  forAnySong,
  groups,
  isOfTheSong,
  isUsed,
  lastSettings,
  modeOf,
  problemsOf,
  sentFields,
  textOf,
  type GroupName,
  type Settings,
} from './settings.ts';
import { songs } from './songs.ts';
import type { Offer } from './submit.tsx';

interface FormProps {
  offer: Offer;
  initial: Settings;
  /** The job that is made again; null: a new song. */
  origin: JobRecord | null;
  setMissing: (isMissing: boolean) => void;
}

/** What a model takes. Until another one is known the last one stands. */
function useModel(name: string, onFailure: (error: ServiceError) => void): ModelDetails | null {
  const [details, setDetails] = useState<ModelDetails | null>(null);
  useEffect(() => {
    let left = false;
    ask<ModelDetails>('GET', `/models/${encodeURIComponent(name)}`).then(
      (found) => !left && setDetails(found),
      (error: unknown) => !left && onFailure(asServiceError(error)),
    );
    return () => void (left = true);
  }, [name]);
  return details;
}

/** Every setting of a map, and the button that sends it. */
export function Form({ offer, initial, origin, setMissing }: FormProps) {
  const t = words();
  const [settings, setSettings] = useState(initial);
  const [beatmap, setBeatmap] = useState<File | null>(null);
  const [keepsBeatmap, setKeepsBeatmap] = useState(true);
  const [problems, setProblems] = useState<FieldProblem[]>([]);
  const [failure, setFailure] = useState<ServiceError | null>(null);
  const [busy, setBusy] = useState(false);
  const sending = useRef(false); // known at once, where `busy` waits for the next drawing
  const form = useRef<HTMLFormElement>(null);
  const again = useRef<Named>({ key: newKey(), asked: null });
  const details = useModel(textOf(settings, 'model') || offer.best, setFailure);

  useEffect(() => {
    if (!origin) lastSettings.value = forAnySong(settings);
  }, [settings]);
  useEffect(() => {
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    first?.closest('details')?.setAttribute('open', '');
    first?.focus();
  }, [problems]);

  const set = (changes: Settings) => {
    setSettings((before) => ({ ...before, ...changes }));
    const changed = Object.keys(changes);
    if (problems.some(({ field }) => changed.includes(field)))
      setProblems(problems.filter(({ field }) => !changed.includes(field)));
  };
  const waiting = songs.value.filter(
    ({ state, refused }) => refused === null && (state === 'ready' || state === 'failed'),
  );
  const isOneSong = origin !== null || songs.value.filter(({ refused }) => refused === null).length <= 1;

  async function submit(event: Event) {
    event.preventDefault();
    if (sending.current || !details) return;
    setMissing(!origin && waiting.length === 0);
    if (!origin && waiting.length === 0) return document.getElementById('choose-song')?.focus();
    const fields = sentFields(settings, details.limits, isOneSong);
    const wrong = problemsOf(fields, details.limits);
    setProblems(wrong);
    setFailure(null);
    if (wrong.length > 0) return;
    setBusy((sending.current = true));
    try {
      const id = origin ? await remake(origin, fields) : await sendSongs(waiting, fields, beatmap);
      if (id !== null) go(`/jobs/${id}`);
    } catch (error) {
      const problem = asServiceError(error);
      setProblems(problem.errors);
      setFailure(problem);
    }
    setBusy((sending.current = false));
  }

  function remake(record: JobRecord, fields: Record<string, string>) {
    const changes = changesFor(record, fields, keepsBeatmap);
    again.current = named(again.current, JSON.stringify(changes), failure?.code);
    return makeAgain(record.job_id, changes, again.current.key);
  }

  const problemOf = (name: string) => problems.find(({ field }) => field === name);
  const mode = modeOf(settings);
  // Drawn when all of it is known, so that nothing moves under a finger.
  if (!details) return failure ? <ServiceErrorBox error={failure} /> : <Loading />;
  const config = details.config ?? {};
  const fieldProps = (name: string): FieldProps | null => {
    const limit = details.limits[name];
    if (!isUsed(limit, mode) || (!isOneSong && isOfTheSong(name))) return null;
    return {
      name,
      limit,
      settings,
      set,
      own: config[name] ?? null,
      problem: problemOf(name),
    };
  };
  const draw = (names: readonly string[]) =>
    names.map(fieldProps).flatMap((props) => (props ? [<Field key={props.name} {...props} />] : []));
  const foldedGroups = (Object.keys(groups) as GroupName[]).flatMap((group) => {
    const drawn = draw(fieldsOf(group, details.limits));
    return drawn.length > 0 ? [{ group, drawn }] : [];
  });
  const stray = problems.filter(
    ({ field }) => field !== 'beatmap_file' && field !== 'model' && fieldProps(field) === null,
  );

  return (
    <form ref={form} noValidate onSubmit={(event) => void submit(event)}>
      <Head offer={offer} details={details} settings={settings} set={set} problems={problems} />
      <section class="card">
        <h2>{t.groups.basics}</h2>
        {isOneSong ? <p class="hint">{t.basicsHint}</p> : <p class="hint">{t.severalSongs}</p>}
        <div class="fields">{draw(basics)}</div>
      </section>
      <div class="card folds">
        {foldedGroups.map(({ group, drawn }) => (
          <details key={group} class="group">
            <summary>
              {t.groups[group]} <span class="small">{t.groupHints[group]}</span>
            </summary>
            <div class="fields">
              {drawn}
              {group === 'parts' && !origin && (
                <BeatmapFile file={beatmap} set={setBeatmap} problem={problemOf('beatmap_file')} />
              )}
              {group === 'parts' && origin?.reference && (
                <KeptBeatmap
                  name={origin.reference.filename}
                  keeps={keepsBeatmap}
                  set={setKeepsBeatmap}
                  problem={problemOf('beatmap_file')}
                />
              )}
            </div>
          </details>
        ))}
        <Presets settings={settings} replace={(next) => setSettings({ ...initial, ...next })} />
      </div>
      {failure && <ServiceErrorBox error={failure} jobId={origin?.job_id} />}
      {stray.map((problem) => (
        <p key={problem.field} class="field-problem">
          <code>{problem.field}</code>: {problem.detail}
        </p>
      ))}
      <div class="send">
        <p class="small">{t.summary(t.modes[mode] ?? '', textOf(settings, 'difficulty'), details.name)}</p>
        <button class="button primary" aria-disabled={busy}>
          {busy ? t.sending : t.send(origin ? 1 : waiting.length)}
        </button>
      </div>
    </form>
  );
}
