import { useEffect, useState } from 'preact/hooks';
import { dateTime } from './format.ts';
import { words } from './language.ts';
import { Loading, ServiceErrorBox, stageWord } from './parts.tsx';
import { asServiceError, ask, type Overview, type ServiceError } from './service.ts';
import { setTitle } from './title.ts';

const everyMs = 2000;

/** For who runs the service: what waits, who works, what failed and why. */
export function Operator() {
  const t = words();
  const [overview, setOverview] = useState<Overview | null>(null);
  const [problem, setProblem] = useState<ServiceError | null>(null);
  const [busy, setBusy] = useState(false);
  setTitle(t.operator);
  const look = () =>
    ask<Overview>('GET', '/admin/overview').then(
      (next) => {
        setOverview(next);
        setProblem(null);
      },
      (error: unknown) => setProblem(asServiceError(error)),
    );
  useEffect(() => {
    void look();
    const timer = setInterval(() => void look(), everyMs);
    return () => clearInterval(timer);
  }, []);
  async function toggle(paused: boolean) {
    setBusy(true);
    await ask('POST', paused ? '/admin/resume' : '/admin/pause').catch((error: unknown) =>
      setProblem(asServiceError(error)),
    );
    await look();
    setBusy(false);
  }
  return (
    <>
      <h1 tabIndex={-1}>{t.operator}</h1>
      {problem && <ServiceErrorBox error={problem} />}
      {!overview && !problem && <Loading />}
      {overview && (
        <>
          <section class="card operator-state">
            <p>
              <span class={`badge ${overview.paused ? 'failed' : 'succeeded'}`}>
                {overview.paused ? t.paused : t.accepting}
              </span>{' '}
              {t.redisMode(overview.mode)}
            </p>
            <button type="button" class="button" disabled={busy} onClick={() => void toggle(overview.paused)}>
              {overview.paused ? t.resume : t.pause}
            </button>
            <a class="button quiet" href="/admin/queues/" target="_blank" rel="noreferrer">
              {t.board}
            </a>
          </section>
          <Queues queues={overview.queues} />
          <Workers workers={overview.workers} />
          <Failures failures={overview.failures} />
        </>
      )}
    </>
  );
}

function Queues({ queues }: Pick<Overview, 'queues'>) {
  const t = words();
  const known: Record<string, string | undefined> = t.queueStates;
  return (
    <section class="card">
      <h2>{t.queues}</h2>
      {Object.entries(queues).map(([name, counts]) => (
        <div key={name} class="queue">
          <h3>{t.engines[name as keyof typeof t.engines] ?? name}</h3>
          {counts === null ? (
            <p>{t.queueAway}</p>
          ) : (
            <dl class="numbers">
              {Object.entries(counts).map(([state, count]) => (
                <div key={state}>
                  <dt>{known[state] ?? state}</dt>
                  <dd>{count}</dd>
                </div>
              ))}
            </dl>
          )}
        </div>
      ))}
    </section>
  );
}

function Workers({ workers }: Pick<Overview, 'workers'>) {
  const t = words();
  return (
    <section class="card">
      <h2>{t.workers(workers.length)}</h2>
      {workers.length === 0 && <p>{t.noWorkers}</p>}
      <ul class="plain">
        {workers.map(({ worker, models, devices, jobs }) => (
          <li key={worker}>
            <p>
              <strong>{worker}</strong>{' '}
              <span class="small">
                {[models.join(', '), devices.filter((device) => device !== null).join(', ')]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </p>
            {jobs.length === 0 && <p class="small">{t.idle}</p>}
            {jobs.map(({ job_id: id, stage, progress }) => (
              <p key={id}>
                <a href={`/jobs/${id}`}>
                  <code>{id.slice(0, 8)}</code> {Math.floor(progress)}% {stageWord({ state: 'running', stage })}
                </a>
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Failures({ failures }: Pick<Overview, 'failures'>) {
  const t = words();
  const known: Record<string, { what: string } | undefined> = t.problems;
  return (
    <section class="card">
      <h2>{t.failures}</h2>
      {failures.length === 0 && <p>{t.noFailures}</p>}
      <ul class="plain">
        {failures.map(({ job_id: id, code, detail, finished_at: at, engine, model }) => (
          <li key={id}>
            <p>
              <a href={`/jobs/${id}`}>{known[code]?.what ?? code}</a>{' '}
              <span class="small">
                {t.madeBy(engine, model)} · {dateTime(at)}
              </span>
            </p>
            <p class="small" lang="en">
              <code>{code}</code> {detail}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
