import { useEffect, useState } from 'preact/hooks';
import type { State } from '../shared/states.ts';
import { dateTime, number } from './format.ts';
import { isOver } from './job/watch.ts';
import { words } from './language.ts';
import { isObject, remembered } from './memory.ts';
import { ConfirmButton, ServiceErrorBox, StateBadge, stageWord } from './parts.tsx';
import { asServiceError, ask, jobPath, type JobRecord, type ServiceError } from './service.ts';
import { setTitle } from './title.ts';

/** The jobs that this browser has sent. The service is asked for each by its id, so nobody else's are ever listed. */
interface Entry {
  id: string;
  filename: string;
  /** The last state that was seen. */
  state: State;
}

const kept = 200;
const shownAtOnce = 20;
const everyMs = 4000;

const isEntries = (value: unknown): value is Entry[] =>
  Array.isArray(value) && value.every((entry) => isObject(entry) && typeof entry['id'] === 'string');
const jobs = remembered<Entry[]>('jobs', [], isEntries);

/** Puts a job on top of the list, or brings its state up to date where it stands. */
export function rememberJob(entry: Entry): void {
  const { id } = entry;
  const isKnown = jobs.value.some((known) => known.id === id);
  jobs.value = isKnown
    ? jobs.value.map((known) => (known.id === id ? entry : known))
    : [entry, ...jobs.value].slice(0, kept);
}

export function forgetJob(id: string): void {
  jobs.value = jobs.value.filter((entry) => entry.id !== id);
}

export function History() {
  const t = words();
  const [shown, setShown] = useState(shownAtOnce);
  setTitle(t.history);
  const entries = jobs.value.slice(0, shown);
  return (
    <>
      <h1 tabIndex={-1}>{t.history}</h1>
      <p class="lead">{t.historyLead}</p>
      {entries.length === 0 && (
        <div class="card empty">
          <p>{t.noJobs}</p>
          <a class="button primary" href="/">
            {t.makeMap}
          </a>
        </div>
      )}
      <ul class="jobs">
        {entries.map((entry) => (
          <Row key={entry.id} entry={entry} />
        ))}
      </ul>
      {jobs.value.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + shownAtOnce)}>
          {t.showMore}
        </button>
      )}
    </>
  );
}

function Row({ entry }: { entry: Entry }) {
  const t = words();
  const [record, setRecord] = useState<JobRecord | null>(null);
  const [problem, setProblem] = useState<ServiceError | null>(null);
  const { id } = entry;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    async function look() {
      try {
        const next = await ask<JobRecord>('GET', jobPath(id));
        if (left) return;
        setRecord(next);
        setProblem(null);
        rememberJob({ ...entry, state: next.state });
        if (isOver(next.state)) return;
      } catch (error) {
        const problem = asServiceError(error);
        if (left) return;
        setProblem(problem);
        if (problem.code === 'job_not_found') return;
      }
      timer = setTimeout(() => void look(), everyMs);
    }
    void look();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [id]);
  const isGone = problem?.code === 'job_not_found';
  const state = record?.state ?? entry.state;
  const remove = () =>
    void ask('DELETE', jobPath(id)).then(
      () => forgetJob(id),
      (error: unknown) => setProblem(asServiceError(error)),
    );
  return (
    <li class="card row">
      <div class="row-head">
        {!isGone && <StateBadge state={state} />}
        {isGone ? (
          <span class="name">{entry.filename}</span>
        ) : (
          <a class="name" href={`/jobs/${id}`}>
            {entry.filename}
          </a>
        )}
      </div>
      <p class="small">{isGone ? t.gone : record ? summary(record) : t.loading}</p>
      {problem && !isGone && <ServiceErrorBox error={problem} jobId={id} />}
      <div class="row-actions">
        <button type="button" class="button quiet" onClick={() => forgetJob(id)}>
          {t.forget}
        </button>
        {record && isOver(state) && !isGone && (
          <ConfirmButton label={t.delete} question={t.deleteQuestion} yes={t.deleteYes} act={remove} />
        )}
      </div>
    </li>
  );
}

function summary(record: JobRecord): string {
  const t = words();
  const stars = record.report?.stars?.got ?? record.params.difficulty ?? 5;
  const parts = [t.modes[record.params.gamemode ?? 0], `${number(stars, 2)}★`, dateTime(record.created_at)];
  if (record.state === 'running') parts.unshift(`${Math.floor(record.progress)}%`, stageWord(record));
  return parts.join(' · ');
}
