import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useErrorBoundary, useState } from 'preact/hooks';
import type { Preview } from '../../shared/preview.ts';
import { bytes, dateTime, fromNow } from '../format.ts';
import { language, words, type Language } from '../language.ts';
import { asServiceError, ask, jobPath, type FileEntry, type JobRecord, type ServiceError } from '../service.ts';
import { ServiceErrorBox } from '../parts.tsx';
import { Report } from './report.tsx';

interface ResultProps {
  record: JobRecord;
  share: string | null;
  children: ComponentChildren;
}

/**
 * The made map: to take, to see and hear, and what is known about it. The download waits for nothing; what stands below the player comes
 * when that has its height, so that nothing jumps.
 */
export function Result({ record, share, children }: ResultProps) {
  const t = words();
  const [isSettled, setSettled] = useState(!record.has_preview);
  return (
    <>
      <Downloads record={record} share={share} />
      {record.has_preview ? (
        <PreviewPart id={record.job_id} share={share} onSettled={() => setSettled(true)} />
      ) : (
        <p class="notice">{t.noPreview}</p>
      )}
      {isSettled && (
        <>
          {record.report && <Report report={record.report} />}
          {children}
        </>
      )}
    </>
  );
}

function Downloads({ record, share }: { record: JobRecord; share: string | null }) {
  const t = words();
  const { job_id: id, output_files: names, expires_at: expires } = record;
  const [files, setFiles] = useState<FileEntry[] | null>(null);
  const [problem, setProblem] = useState<ServiceError | null>(null);
  useEffect(() => {
    ask<{ files: FileEntry[] }>('GET', jobPath(id, 'files', share)).then(
      ({ files }) => setFiles(files),
      (error: unknown) => setProblem(asServiceError(error)),
    );
  }, [id, share]);
  const sizeOf = (name: string) => files?.find((file) => file.name === name)?.size;
  const whole = names.find((name) => name.endsWith('.osz'));
  const rest = names.filter((name) => name !== whole);
  const link = (name: string) => jobPath(id, 'download', share, { filename: name });
  return (
    <section class="card take" aria-label={t.downloads}>
      {whole !== undefined && (
        <a class="button primary" href={link(whole)} download>
          {t.downloadOsz}
          <span class="size">{sizeText(sizeOf(whole))}</span>
        </a>
      )}
      {expires !== null && (
        <p class="small">
          {t.expires(fromNow(expires))} <time dateTime={expires}>({dateTime(expires)})</time>
        </p>
      )}
      {rest.length > 0 && (
        <details open={whole === undefined}>
          <summary>{t.singleFiles(rest.length)}</summary>
          <ul class="files">
            {rest.map((name) => (
              <li key={name}>
                <a href={link(name)} download>
                  {name}
                </a>
                <span class="small">{sizeText(sizeOf(name))}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {problem && <ServiceErrorBox error={problem} jobId={id} />}
    </section>
  );
}

const sizeText = (size: number | undefined) => (size === undefined ? '' : bytes(size));

type Player = ComponentType<{ preview: Preview; audioUrl: string; language: Language }>;

/** The player is loaded when there is something to play. Where it cannot be shown, a sentence stands in its place. */
function PreviewPart({ id, share, onSettled }: { id: string; share: string | null; onSettled: () => void }) {
  const t = words();
  const [shown, setShown] = useState<{ Player: Player; preview: Preview } | null>(null);
  const [isMissing, setMissing] = useState(false);
  const [broken] = useErrorBoundary(onSettled) as [unknown, () => void]; // a player that breaks takes nothing with it
  const failed = isMissing || broken !== undefined;
  useEffect(() => {
    Promise.all([import('../preview/player.tsx'), ask<Preview>('GET', jobPath(id, 'preview', share))]).then(
      ([player, preview]) => setShown({ Player: player.default, preview }),
      () => setMissing(true),
    );
  }, [id, share]);
  useEffect(() => {
    if (shown || isMissing) onSettled();
  }, [shown, isMissing]);
  return (
    <section class="card player" aria-label={t.preview}>
      {failed && <p>{t.previewFailed}</p>}
      {!failed && !shown && <p class="loading">{t.loading}</p>}
      {shown && !failed && (
        <shown.Player preview={shown.preview} audioUrl={jobPath(id, 'audio', share)} language={language.value} />
      )}
    </section>
  );
}
