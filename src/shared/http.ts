import type { Report } from './jobs.ts';
import type { EngineName, Params } from './request.ts';
import type { FinalState, State } from './states.ts';

/** What the API answers and the page reads: the bodies of both ends in one place. The seed's older shapes are the API's alone. */

/** In `GET /`: what to know before a song is sent. */
export interface Limits {
  max_upload_bytes: number;
  max_audio_seconds: number;
  formats: readonly string[];
  retention_seconds: number;
}

/** `GET /session` */
export interface Session {
  /** Whether the service wants a key. */
  needed: boolean;
  client: { name: string | null; admin: boolean } | null;
}

/** In whole seconds from now until the job has ended. */
export interface Eta {
  from_seconds: number;
  to_seconds: number;
}

/** The stream's event `estimate`. */
export interface Estimate {
  /** How many jobs of its engine start before it; null unless it waits. */
  ahead: number | null;
  eta: Eta | null;
}

/** `GET /jobs/{id}`. Times are ISO 8601. */
export interface JobView {
  job_id: string;
  state: State;
  /** The seed's word for the state. */
  status: string;
  engine: EngineName;
  model: string;
  /** Percent. */
  progress: number;
  stage: string;
  /** Only of a job that waits. */
  queue: { ahead: number } | null;
  eta: Eta | null;
  attempt: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** When its files are removed. */
  expires_at: string | null;
  retry_of: string | null;
  audio: { filename: string; format: string; bytes: number; seconds: number | null };
  reference: { filename: string; gamemode: number; objects: number; sha256: string; timing_points: number } | null;
  params: Partial<Params>;
  warnings: string[];
  report: Partial<Report> | null;
  error: { code: string; detail: string; stage?: string; output?: string[] } | null;
  output_files: string[];
  has_preview: boolean;
  /** Seen by a share's token. */
  read_only: boolean;
  links: Record<string, string>;
}

/** In `GET /jobs/{id}/files`. */
export interface FileEntry {
  name: string;
  size: number;
  /** Its ending, with the dot. */
  type: string;
  download_url: string;
}

/** `GET /admin/overview` */
export interface Overview {
  paused: boolean;
  mode: string;
  /** BullMQ's counts by state, one queue an engine; null where they are not known. */
  queues: Record<string, Record<string, number> | null>;
  workers: {
    worker: string;
    engines: string[];
    models: string[];
    devices: string[];
    jobs: { job_id: string; stage: string; progress: number; started_at: string }[];
  }[];
  /** The newest 50. */
  failures: {
    job_id: string;
    state: FinalState;
    code: string;
    detail: string;
    stage: string | null;
    finished_at: string;
    engine: EngineName;
    model: string;
  }[];
}
