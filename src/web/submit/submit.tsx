import { useEffect, useState } from 'preact/hooks';
import { clock } from '../format.ts';
import { words } from '../language.ts';
import { Loading, ServiceErrorBox } from '../parts.tsx';
import {
  asServiceError,
  ask,
  jobPath,
  type JobRecord,
  type Limits,
  type Model,
  type ServiceError,
} from '../service.ts';
import { setTitle } from '../title.ts';
import { DropZone } from './drop-zone.tsx';
import { Form } from './form.tsx';
import { lastSettings, settingsOf, type Settings } from './settings.ts';

/** What the service takes and offers, as it says itself. */
export interface Offer {
  limits: Limits;
  models: Model[];
  /** The model that is taken where none is chosen. */
  best: string;
}

/**
 * From a song to a job. `from`: the id of a job that is made again with changes; its song is with the service already.
 */
export function Submit({ from }: { from: string | null }) {
  const t = words();
  const [offer, setOffer] = useState<Offer | null>(null);
  const [origin, setOrigin] = useState<JobRecord | null>(null);
  const [problem, setProblem] = useState<ServiceError | null>(null);
  const [isMissing, setMissing] = useState(false);
  setTitle(t.makeMap);
  useEffect(() => {
    Promise.all([
      ask<{ limits: Limits }>('GET', '/'),
      ask<{ models: Model[]; default: string }>('GET', '/models'),
      from === null ? null : ask<JobRecord>('GET', jobPath(from)),
    ]).then(
      ([{ limits }, { models, default: best }, record]) => {
        setOffer({ limits, models, best });
        setOrigin(record);
      },
      (error: unknown) => setProblem(asServiceError(error)),
    );
  }, [from]);
  const settings: Settings = origin ? settingsOf(origin.params, origin.model) : lastSettings.value;
  return (
    <div class="submit">
      <h1 tabIndex={-1}>{from === null ? t.makeMap : t.againWithChanges}</h1>
      <p class="lead">{from === null ? t.lead : t.againLead}</p>
      {from === null ? (
        <DropZone limits={offer?.limits ?? null} isMissing={isMissing} />
      ) : (
        <p class="card same-song">
          {origin
            ? t.sameSong(origin.audio.filename, origin.audio.seconds === null ? '' : clock(origin.audio.seconds))
            : '\u00a0'}
        </p>
      )}
      {problem && <ServiceErrorBox error={problem} jobId={from ?? undefined} />}
      {!offer && !problem && <Loading />}
      {offer && <Form offer={offer} initial={settings} origin={origin} setMissing={setMissing} />}
    </div>
  );
}
