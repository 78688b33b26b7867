import { editorTime, number } from '../format.ts';
import { words } from '../language.ts';
import type { JobRecord } from '../service.ts';

type ReportData = NonNullable<JobRecord['report']>;

/** What is known about the map: how close it came to what was asked for, and what the rules of mapping say. */
export function Report({ report }: { report: ReportData }) {
  const t = words();
  const { stars, objects, bpm, first_object_ms: first, last_object_ms: last, verifier } = report;
  return (
    <section class="card report">
      <h2>{t.report}</h2>
      <dl class="numbers">
        {stars && (
          <div>
            <dt>{t.stars}</dt>
            <dd>
              {number(stars.got, 2)}★ <small>{t.askedFor(number(stars.asked, 2))}</small>
            </dd>
          </div>
        )}
        {objects !== undefined && (
          <div>
            <dt>{t.objects}</dt>
            <dd>{number(objects)}</dd>
          </div>
        )}
        {bpm !== undefined && (
          <div>
            <dt>BPM</dt>
            <dd>{number(bpm, 2)}</dd>
          </div>
        )}
        {first !== undefined && last !== undefined && (
          <div>
            <dt>{t.span}</dt>
            <dd class="times">
              {editorTime(first)} – {editorTime(last)}
            </dd>
          </div>
        )}
      </dl>
      {verifier && <Findings verifier={verifier} />}
    </section>
  );
}

/** What the verifier found, by rule; where a map has it is behind a fold. */
function Findings({ verifier }: { verifier: NonNullable<ReportData['verifier']> }) {
  const t = words();
  const { blocking, advisory, issues } = verifier;
  if (blocking + advisory === 0) return <p class="good">{t.noFindings}</p>;
  const groups = new Map<string, typeof issues>();
  for (const issue of issues) groups.set(issue.id, [...(groups.get(issue.id) ?? []), issue]);
  return (
    <details class="findings">
      <summary>{t.findings(blocking, advisory)}</summary>
      <ul>
        {[...groups].map(([id, group]) => (
          <li key={id}>
            <span class={`badge ${group[0]?.level}`}>{group[0]?.level === 'blocking' ? t.blocking : t.advisory}</span>{' '}
            <code>{id}</code> <span lang="en">{group[0]?.message}</span>
            <span class="times small">
              {group.map(({ time }) => (time === null ? t.wholeMap : editorTime(time))).join(', ')}
            </span>
          </li>
        ))}
      </ul>
      {issues.length < blocking + advisory && (
        <p class="small">{t.moreFindings(blocking + advisory - issues.length)}</p>
      )}
    </details>
  );
}
