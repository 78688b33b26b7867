import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { words } from './language.ts';
import type { JobRecord, ServiceError } from './service.ts';

/** Small parts that several views are made of. */

/** A message in the way of the work: what happened, what to do, and the service's own sentence folded below. */
export function ErrorBox({
  code,
  detail,
  jobId,
  children,
}: {
  code: string;
  detail: string;
  jobId?: string | undefined;
  children?: ComponentChildren;
}) {
  const t = words();
  const known: Record<string, { what: string; todo: string } | undefined> = t.problems;
  const { what, todo } = known[code] ?? t.problems.unexpected_answer;
  return (
    <div class="notice bad" role="alert">
      <p class="notice-title">{what}</p>
      <p>{todo}</p>
      <details>
        <summary>{t.details}</summary>
        <dl class="facts-list">
          <dt>{t.code}</dt>
          <dd>
            <code>{code}</code>
          </dd>
          {jobId !== undefined && (
            <>
              <dt>{t.jobId}</dt>
              <dd>
                <code>{jobId}</code>
              </dd>
            </>
          )}
          <dt>{t.detail}</dt>
          <dd lang="en">{detail}</dd>
        </dl>
      </details>
      {children}
    </div>
  );
}

export const ServiceErrorBox = ({ error, jobId }: { error: ServiceError; jobId?: string | undefined }) => (
  <ErrorBox code={error.code} detail={error.message} jobId={jobId} />
);

/** Copies a text. Over plain http a browser has no clipboard for pages: then the old way. */
async function copy(text: string): Promise<void> {
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** A button that copies what it is given, and says so. */
export function CopyButton({ text, label }: { text: () => string; label: string }) {
  const [done, setDone] = useState(false);
  const t = words();
  const act = () =>
    void copy(text()).then(
      () => {
        setDone(true);
        setTimeout(() => setDone(false), 2000);
      },
      () => undefined, // refused by the browser: the text stays there to be selected
    );
  return (
    <button type="button" class="button quiet" onClick={act}>
      {done ? t.copied : label}
    </button>
  );
}

/** A button that asks once more before it does what cannot be undone. */
export function ConfirmButton({
  label,
  question,
  yes,
  act,
}: {
  label: string;
  question: string;
  yes: string;
  act: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const id = useId();
  if (!asking) {
    return (
      <button type="button" class="button quiet danger" onClick={() => setAsking(true)}>
        {label}
      </button>
    );
  }
  return (
    <span class="confirm" role="group" aria-labelledby={id}>
      <span id={id}>{question}</span>
      <button type="button" class="button danger-fill" onClick={act}>
        {yes}
      </button>
      <button type="button" class="button quiet" ref={(button) => button?.focus()} onClick={() => setAsking(false)}>
        {words().no}
      </button>
    </span>
  );
}

/** What a job is at now, as a word with a mark that does not need colour. */
export function StateBadge({ state }: { state: keyof ReturnType<typeof words>['states'] }) {
  return <span class={`badge ${state}`}>{words().states[state]}</span>;
}

/** What an open job does now, in the page's words; a stage that it does not know stays in the engine's. */
export function stageWord({ state, stage }: Pick<JobRecord, 'state' | 'stage'>): string {
  const t = words();
  if (state === 'queued' || state === 'cancelling') return t.states[state];
  const known: Record<string, string | undefined> = t.stages;
  return known[stage] ?? stage;
}

/** A waiting line that takes the room of what will stand there. */
export const Loading = () => (
  <p class="loading" role="status">
    {words().loading}
  </p>
);
