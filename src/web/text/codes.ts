import type { ProblemCode } from '../../shared/problems.ts';
import type { Params } from '../../shared/request.ts';
import type { WayCode } from '../service.ts';

/** Why jobs fail, as workers and the API write it into their outcome. */
export type JobErrorCode =
  | 'audio_missing'
  | 'audio_too_long'
  | 'audio_too_short'
  | 'cancelled'
  | 'device_unavailable'
  | 'engine_failed'
  | 'engine_unavailable'
  | 'expired'
  | 'invalid_audio'
  | 'invalid_parameter'
  | 'invalid_result'
  | 'lora_unusable'
  | 'model_missing'
  | 'model_oom'
  | 'no_beat_found'
  | 'no_progress'
  | 'queue_timeout'
  | 'run_timeout'
  | 'storage_full'
  | 'timed_out'
  | 'unsupported_audio_type'
  | 'worker_lost';

/** What happened, and what to do about it. A code without words does not compile. */
export type ProblemWords = Record<ProblemCode | WayCode | JobErrorCode, { what: string; todo: string }>;

/** Each parameter by name. */
export type FieldWords = Record<keyof Params, string>;
export type HintWords = Partial<FieldWords>;
