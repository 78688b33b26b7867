import { useRef, useState } from 'preact/hooks';
import { go } from '../address.ts';
import { forgetJob } from '../history.tsx';
import { words } from '../language.ts';
import { ConfirmButton, CopyButton, ServiceErrorBox } from '../parts.tsx';
import { asServiceError, ask, jobPath, newKey, type JobRecord, type ServiceError } from '../service.ts';
import { isOver, type Watch } from './watch.ts';

/** What its owner can do with a job: again, with changes, share, delete. */
export function Actions({ watch, record }: { watch: Watch; record: JobRecord }) {
  const t = words();
  const { job_id: id, state } = record;
  const [problem, setProblem] = useState<ServiceError | null>(null);
  const [busy, setBusy] = useState(false);
  /** The same key for each click: a second one makes no second job. */
  const key = useRef(newKey());
  async function act(work: () => Promise<void>) {
    setBusy(true);
    setProblem(null);
    await work().catch((error: unknown) => setProblem(asServiceError(error)));
    setBusy(false);
  }
  const retry = async () => {
    const made = await ask<{ job_id: string }>('POST', jobPath(id, 'retry'), {}, { 'idempotency-key': key.current });
    go(`/jobs/${made.job_id}`);
  };
  const remove = async () => {
    await ask('DELETE', jobPath(id));
    forgetJob(id);
    watch.close();
    go('/?history');
  };
  const over = isOver(state);
  return (
    <section class="actions" aria-label={t.actions}>
      {over && state !== 'succeeded' && (
        <button type="button" class="button primary" disabled={busy} onClick={() => void act(retry)}>
          {t.retry}
        </button>
      )}
      {over && (
        <a class="button" href={`/?from=${id}`}>
          {t.againWithChanges}
        </a>
      )}
      {state === 'succeeded' && <Share id={id} act={act} />}
      {over && (
        <ConfirmButton label={t.delete} question={t.deleteQuestion} yes={t.deleteYes} act={() => void act(remove)} />
      )}
      {record.retry_of !== null && (
        <a class="small" href={`/jobs/${record.retry_of}`}>
          {t.madeFrom}
        </a>
      )}
      {problem && <ServiceErrorBox error={problem} jobId={id} />}
    </section>
  );
}

function Share({ id, act }: { id: string; act: (work: () => Promise<void>) => Promise<void> }) {
  const t = words();
  const [url, setUrl] = useState<string | null>(null);
  const create = async () => {
    const { url } = await ask<{ url: string }>('POST', jobPath(id, 'share'));
    setUrl(new URL(url, location.href).href);
  };
  const revoke = async () => {
    await ask('DELETE', jobPath(id, 'share'));
    setUrl(null);
  };
  if (url === null) {
    return (
      <button type="button" class="button" onClick={() => void act(create)}>
        {t.share}
      </button>
    );
  }
  return (
    <div class="share">
      <label>
        <span>{t.shareLink}</span>
        <input readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <CopyButton label={t.copy} text={() => url} />
      <button type="button" class="button quiet" onClick={() => void act(revoke)}>
        {t.revoke}
      </button>
      <p class="small">{t.shareHint}</p>
    </div>
  );
}
