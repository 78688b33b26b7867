import { z } from 'zod';
import { array, flag, folderName, limitOf, line, names, numeric, oneOf, whole, type Limit } from './fields.ts';
import { fieldProblems, type FieldProblem } from './problems.ts';
import type { ReferenceBeatmap } from './reference-beatmap.ts';

/**
 * The fields of `POST /process`: those of the seed and every parameter of the public project that a client may set, under
 * the project's own names. One schema serves the API (which refuses), the worker (which reads the record again) and
 * `GET /models/{name}` (which shows the limits). Multipart values arrive as text; '' means not sent; nothing gets a
 * default but gamemode and difficulty, so that the model's or the star level's own value applies.
 */

/** What the program can take from a beatmap, or write; `NONE`: nothing is taken. */
export const contextNames = ['NONE', 'TIMING', 'NO_HS', 'GD', 'MAP', 'KIAI', 'SV'] as const;
export type ContextName = (typeof contextNames)[number];
const contextsMessage = `must be a JSON array of ${contextNames.join(', ')}`;
const contexts = array(z.enum(contextNames, contextsMessage), contextNames.length, contextsMessage, contextNames);

const largestId = 2 ** 31 - 1;
const longestMs = 36_000_000;

/**
 * The upper ends of beams, iterations and the overlap of windows are ours: the program takes any number, and time or memory
 * grow with it. Below the lower ends it fails after the model was loaded.
 */
export const paramsSchema = z.object({
  gamemode: whole(0, 3).default(0),
  difficulty: numeric(0, 12).default(5),
  year: whole(2007, 2077).optional(),
  mapper_id: whole(1, largestId).optional(),
  beatmap_id: whole(1, largestId).optional(),
  hp_drain_rate: numeric(0, 10).optional(),
  circle_size: numeric(0, 10).optional(),
  overall_difficulty: numeric(0, 10).optional(),
  approach_rate: numeric(0, 10).optional(),
  slider_multiplier: numeric(0.4, 3.6).optional(),
  slider_tick_rate: numeric(0.5, 8).optional(),
  keycount: whole(1, 18).optional(),
  hold_note_ratio: numeric(0, 1).optional(),
  scroll_speed_ratio: numeric(0, 1).optional(),
  in_context: contexts.optional(),
  output_type: contexts.optional(),
  cfg_scale: numeric(0.1, 30).optional(),
  temperature: numeric(0.01, 10).optional(),
  timing_temperature: numeric(0.01, 10).optional(),
  mania_column_temperature: numeric(0.01, 10).optional(),
  taiko_hit_temperature: numeric(0.01, 10).optional(),
  timeshift_bias: numeric(-10, 10).optional(),
  top_p: numeric(0.01, 1).optional(),
  top_k: whole(0, 10_000).optional(),
  do_sample: flag.optional(),
  num_beams: whole(1, 4).optional(),
  parallel: flag.optional(),
  lookback: numeric(0, 0.9).optional(),
  lookahead: numeric(0, 0.9).optional(),
  timing_leniency: whole(0, 200).optional(),
  seed: whole(0, largestId).optional(),
  start_time: whole(0, longestMs).optional(),
  end_time: whole(1, longestMs).optional(),
  export_osz: flag.default(true),
  add_to_beatmap: flag.default(false),
  hitsounded: flag.optional(),
  super_timing: flag.optional(),
  timer_num_beams: whole(1, 4).optional(),
  timer_bpm_threshold: numeric(0, 1).optional(),
  timer_cfg_scale: numeric(0.1, 30).optional(),
  timer_iterations: whole(1, 100).optional(),
  resnap_events: flag.optional(),
  snap_near_perfect_overlaps: flag.optional(),
  generate_positions: flag.optional(),
  diff_cfg_scale: numeric(0.1, 30).optional(),
  precision: oneOf('fp32', 'fp16', 'bf16', 'amp').optional(),
  attn_implementation: oneOf('auto', 'eager', 'sdpa', 'flash_attention_2').optional(),
  lora_path: folderName.optional(),
  descriptors: names.optional(),
  negative_descriptors: names.optional(),
  title: line(200).optional(),
  artist: line(200).optional(),
  title_unicode: line(200).optional(),
  artist_unicode: line(200).optional(),
  creator: line(80).optional(),
  version: line(80).optional(),
  source: line(200).optional(),
  tags: line(1000).optional(),
  bpm: numeric(20, 1000).optional(),
  offset: whole(-60_000, longestMs).optional(),
  preview_time: whole(-1, longestMs).optional(),
});

export type Params = z.infer<typeof paramsSchema>;

/** Every parameter by name, as the form has it. */
export const parameterNames: readonly string[] = Object.keys(paramsSchema.shape);

/** What each parameter takes, whatever the model. */
export const parameterLimits: Readonly<Record<string, Limit>> = Object.fromEntries(
  Object.entries(paramsSchema.shape).map(([name, schema]) => [name, limitOf(schema)]),
);

/**
 * Text fields of the form → parameters, or the list of what is wrong with them, one problem a field. Unknown names come back by name. `unsent`: what
 * applies instead of the defaults where a field is not sent.
 */
export function parseFields(fields: ReadonlyMap<string, string>, unsent: Record<string, string> = {}) {
  const known: Record<string, string> = { ...unsent };
  const unknown: string[] = [];
  for (const [name, value] of fields) {
    if (name === 'model') continue;
    if (!Object.hasOwn(paramsSchema.shape, name)) unknown.push(name);
    else if (value !== '') known[name] = value;
  }
  const parsed = paramsSchema.safeParse(known);
  const issues = parsed.success
    ? rangeProblems(parsed.data)
    : parsed.error.issues.map(({ path, message }) => ({
        field: String(path[0]),
        code: 'invalid_value',
        detail: message,
      }));
  const errors = [...new Map(issues.map((issue) => [issue.field, issue])).values()]; // one a field
  return { params: parsed.data, errors, unknown };
}

/**
 * The fields that an earlier job was made of, as they would be sent again, with the changes of a JSON object: null means not sent. Throws a
 * Problem that names each change that is no value of a field.
 */
export function changedFields({ model, params }: JobRequest, changes: Record<string, unknown>): Map<string, string> {
  const fields = new Map([['model', model]]);
  const problems: FieldProblem[] = [];
  for (const [name, value] of [...Object.entries(params), ...Object.entries(changes)]) {
    if (value === undefined || name === 'beatmap_file') continue;
    if (value === null) fields.delete(name);
    else if (Array.isArray(value)) fields.set(name, JSON.stringify(value));
    else if (typeof value === 'object') problems.push({ field: name, code: 'invalid_value', detail: 'is no value' });
    else fields.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  if (problems.length > 0) throw fieldProblems(problems);
  return fields;
}

function rangeProblems(params: Params): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const refuse = (field: string, detail: string) => problems.push({ field, code: 'invalid_value', detail });
  const { start_time: start, end_time: end } = params;
  if (start !== undefined && end !== undefined && start >= end) refuse('end_time', 'must be later than start_time');
  const { lookback = 0.5, lookahead = 0.4 } = params; // the program's own, of every model
  // What is left of a window is the way to the next: at 0.95 a song takes twice as long as by default, at 1 it has no end.
  if (lookback + lookahead > 0.95 + 1e-9) {
    const field = params.lookback === undefined ? 'lookahead' : 'lookback';
    refuse(field, `must leave 0.05 of a window: lookback ${lookback} and lookahead ${lookahead} are more than 0.95`);
  }
  return problems;
}

export const engineNames = ['builtin', 'mapperatorinator'] as const;
export type EngineName = (typeof engineNames)[number];

export const audioFormats = ['mp3', 'wav', 'ogg', 'opus', 'flac', 'm4a'] as const;
export type AudioFormat = (typeof audioFormats)[number];

export interface AudioFile {
  /** Relative to the data folder. */
  path: string;
  /** The name it was uploaded under; for people, never for paths. */
  filename: string;
  format: AudioFormat;
  bytes: number;
  /** What the file's headers say; the worker measures. */
  seconds?: number;
  title?: string;
  artist?: string;
}

/** What was accepted. Written once, before the submit is answered; never changed. */
export interface JobRequest {
  id: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** The job that this one repeats. */
  retryOf?: string;
  /** Name of the API key that it was sent with; null where there are no keys. */
  owner?: string | null;
  engine: EngineName;
  model: string;
  audio: AudioFile;
  params: Params;
  /** A beatmap that was sent along. */
  reference?: ReferenceBeatmap;
  warnings: string[];
}
