import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from '../announce.tsx';
import { clock, dateTime, number } from '../format.ts';
import { rememberJob } from '../history.tsx';
import { words } from '../language.ts';
import { ErrorBox, Loading, ServiceErrorBox, StateBadge, stageWord } from '../parts.tsx';
import { setTitle } from '../title.ts';
import type { JobRecord } from '../service.ts';
import { Actions } from './actions.tsx';
import { Log } from './log.tsx';
import { Progress } from './progress.tsx';
import { Result } from './result.tsx';
import { isOver, watchJob, type Watch } from './watch.ts';

/** One job: watched while it is open, seen and heard when it has ended. */
export function Job({ id, share }: { id: string; share: string | null }) {
  const watch = useMemo(() => watchJob(id, share), [id, share]);
  useEffect(() => () => watch.close(), [watch]);
  const record = watch.record.value;
  const failure = watch.failure.value;
  const t = words();
  useEffect(() => {
    if (record && share === null && !record.read_only)
      rememberJob({ id: record.job_id, filename: record.audio.filename, state: record.state });
  }, [record?.job_id, record?.state]);
  if (!record) {
    return (
      <>
        <h1 tabIndex={-1}>{t.job}</h1>
        {failure ? <ServiceErrorBox error={failure} jobId={id} /> : <Loading />}
      </>
    );
  }
  return <Known watch={watch} record={record} share={share} />;
}

function Known({ watch, record, share }: { watch: Watch; record: JobRecord; share: string | null }) {
  const t = words();
  const over = isOver(record.state);
  const stage = stageWord(record);
  const said = useRef(new Set<string>());
  const news = over ? t.states[record.state] : stage;
  // Each stage once, by name: not for each percent, and not again where an engine comes back to one.
  useEffect(() => {
    if (!said.current.has(news)) announce(news);
    said.current.add(news);
  }, [news]);
  setTitle(
    over ? `${t.states[record.state]} · ${record.audio.filename}` : `${Math.floor(record.progress)}% · ${stage}`,
  );
  const rest = (
    <>
      {record.warnings.length > 0 && <Warnings warnings={record.warnings} />}
      {!record.read_only && <Actions watch={watch} record={record} />}
      <Log key={over ? 'folded' : 'open'} watch={watch} isOpen={!over} />
    </>
  );
  return (
    <article class="job">
      <Head record={record} />
      {record.read_only && <p class="notice">{t.readOnly}</p>}
      {!over && <Progress watch={watch} record={record} />}
      {over && record.state !== 'succeeded' && <Ended record={record} />}
      {record.state === 'succeeded' ? (
        <Result record={record} share={share}>
          {rest}
        </Result>
      ) : (
        rest
      )}
    </article>
  );
}

function Head({ record }: { record: JobRecord }) {
  const t = words();
  const { params, audio } = record;
  const named = namesOf(record.output_files);
  const title = params.title_unicode ?? params.title ?? named?.title ?? audio.filename.replace(/\.[^.]+$/, '');
  const artist = params.artist_unicode ?? params.artist ?? named?.artist ?? null;
  const facts: ComponentChildren[] = [
    artist,
    t.modes[params.gamemode ?? 0],
    t.starsOf(number(params.difficulty ?? 5, 2)),
    t.madeBy(record.engine, record.model),
    params.seed === undefined ? null : t.seed(params.seed),
    audio.seconds === null ? null : clock(audio.seconds),
    dateTime(record.created_at),
  ];
  return (
    <header class="job-head">
      <StateBadge state={record.state} />
      <h1 tabIndex={-1}>{title}</h1>
      <ul class="facts">
        {facts
          .filter((fact) => fact !== null)
          .map((fact, i) => (
            <li key={i}>{fact}</li>
          ))}
      </ul>
    </header>
  );
}

/** Artist and title as the generator knows them: they are in the name of what it wrote. */
function namesOf(files: string[]) {
  for (const file of files) {
    const found = /^(.+?) - (.+) \([^()]*\) \[.*\]\.os[uz]$/.exec(file);
    if (found) return { artist: found[1], title: found[2] };
  }
  return null;
}

function Ended({ record }: { record: JobRecord }) {
  const t = words();
  if (record.state === 'cancelled') return <p class="notice">{t.cancelledText}</p>;
  if (record.state === 'expired') return <p class="notice">{t.expiredText}</p>;
  const { code = 'engine_failed', detail = '', stage, output = [] } = record.error ?? {};
  return (
    <ErrorBox code={code} detail={detail} jobId={record.job_id}>
      {stage !== undefined && <p class="small">{t.failedAt(stageWord({ state: 'running', stage }))}</p>}
      {output.length > 0 && (
        <details>
          <summary>{t.lastOutput}</summary>
          <pre tabIndex={0}>{output.join('\n')}</pre>
        </details>
      )}
    </ErrorBox>
  );
}

function Warnings({ warnings }: { warnings: string[] }) {
  const t = words();
  return (
    <details class="notice warn" open={warnings.length <= 2}>
      <summary>{t.warnings(warnings.length)}</summary>
      <ul>
        {warnings.map(t.remark).map(({ text, lang }) => (
          <li key={text} lang={lang}>
            {text}
          </li>
        ))}
      </ul>
    </details>
  );
}
