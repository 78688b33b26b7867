import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The parts of the service's answers that the command line shows. */
export interface Accepted {
  job_id: string;
  engine: string;
}

export interface JobProgress {
  progress: number;
  stage: string;
  status: string;
}

export interface FinishedJob {
  state: string;
  warnings: string[];
  report: { bpm?: number; objects?: number; stars?: { asked: number; got: number } } | null;
  error: { code: string; detail: string } | null;
}

/** What the service said no to, in its own words. */
export class ServiceError extends Error {}

/** A client of a running API at `url`. Every call rejects with the signal's reason when it aborts, with ServiceError when refused. */
export function createServiceClient(url: string, signal: AbortSignal) {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(`${url}${path}`, { ...init, signal });
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
    throw new ServiceError(problem?.detail ?? `${init.method ?? 'GET'} ${path}: HTTP ${answer.status}`);
  }

  async function json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await (await ask(path, init)).json()) as T;
  }

  /** Resolves when the API answers; rejects after `ms`. */
  async function healthy(ms: number) {
    const deadline = Date.now() + ms;
    while (Date.now() < deadline) {
      const answer = await fetch(`${url}/healthz`, { signal }).catch(() => null);
      if (answer?.ok) return;
      await sleep(100, undefined, { signal });
    }
    throw new ServiceError('The API did not start in time.');
  }

  async function submit(
    path: string,
    song: Uint8Array<ArrayBuffer>,
    fields: Record<string, string>,
  ): Promise<Accepted> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('audio_file', new Blob([song]), basename(path));
    return json<Accepted>('/process', { method: 'POST', body: form });
  }

  /** Saves the job's `.osz` in the folder, which is made where needed; resolves to its path. */
  async function download(id: string, folder: string): Promise<string> {
    const { files } = await json<{ files: { name: string; type: string; download_url: string }[] }>(
      `/jobs/${id}/files`,
    );
    const file = files.find(({ type }) => type === '.osz');
    if (!file) throw new ServiceError('The job has published no .osz.');
    const answer = await ask(file.download_url);
    await mkdir(folder, { recursive: true });
    const target = join(folder, basename(file.name));
    await writeFile(target, Buffer.from(await answer.arrayBuffer()));
    return target;
  }

  return {
    healthy,
    submit,
    download,
    progress: (id: string) => json<JobProgress>(`/jobs/${id}/progress`),
    job: (id: string) => json<FinishedJob>(`/jobs/${id}`),
  };
}
