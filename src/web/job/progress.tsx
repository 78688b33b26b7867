import { useState } from 'preact/hooks';
import { wait } from '../format.ts';
import { words } from '../language.ts';
import { ServiceErrorBox, stageWord } from '../parts.tsx';
import { asServiceError, ask, jobPath, type JobRecord, type ServiceError } from '../service.ts';
import type { Watch } from './watch.ts';

const radius = 54;
const around = 2 * Math.PI * radius;

/** An open job: the ring closes like an approach circle while it goes on. */
export function Progress({ watch, record }: { watch: Watch; record: JobRecord }) {
  const t = words();
  const percent = Math.floor(record.progress);
  return (
    <section class="card progress" aria-label={t.progress}>
      <div
        class={`ring ${record.state}`}
        role="progressbar"
        aria-label={t.progress}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${percent}%, ${stageWord(record)}`}
      >
        <svg viewBox="0 0 120 120" aria-hidden="true">
          <circle class="track" cx="60" cy="60" r={radius} />
          <circle
            class="done"
            cx="60"
            cy="60"
            r={radius}
            stroke-dasharray={around}
            stroke-dashoffset={around * (1 - record.progress / 100)}
          />
        </svg>
        <span class="percent">
          {percent}
          <small>%</small>
        </span>
      </div>
      <div class="progress-text">
        <p class="stage">{stageWord(record)}</p>
        <p class="outlook">{outlook(record)}</p>
        <p class="connection">
          {watch.connection.value === 'lost' ? t.reconnecting : record.attempt > 1 ? t.attempt(record.attempt) : ''}
        </p>
        {!record.read_only && <Cancel watch={watch} record={record} />}
      </div>
    </section>
  );
}

/** When it will be done, as far as that is known. */
function outlook({ state, queue, eta }: JobRecord): string {
  const t = words();
  const parts: string[] = [];
  if (state === 'queued' && queue) parts.push(t.ahead(queue.ahead));
  if (eta && state !== 'cancelling') {
    const { from, to, unit } = wait(eta.from_seconds, eta.to_seconds);
    parts.push(t.eta(from, to, unit));
  }
  return parts.join(' · ');
}

function Cancel({ watch, record }: { watch: Watch; record: JobRecord }) {
  const t = words();
  const [problem, setProblem] = useState<ServiceError | null>(null);
  async function cancel() {
    const before = record.state;
    watch.change({ state: 'cancelling' }); // seen at once; the service's word follows
    try {
      await ask('POST', jobPath(record.job_id, 'cancel'));
    } catch (error) {
      watch.change({ state: before });
      setProblem(asServiceError(error));
    }
    await watch.refresh();
  }
  return (
    <>
      <button type="button" class="button" disabled={record.state === 'cancelling'} onClick={() => void cancel()}>
        {record.state === 'cancelling' ? t.states.cancelling : t.cancel}
      </button>
      {problem && <ServiceErrorBox error={problem} jobId={record.job_id} />}
    </>
  );
}
