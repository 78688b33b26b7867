import { z } from 'zod';
import type { ReferenceBeatmap } from './reference-beatmap.ts';

/**
 * The fields of `POST /process`, as the seed names them. One schema serves the API (which refuses), the worker (which
 * reads the record again) and the documents. Multipart values arrive as text; '' means not sent; nothing gets a default
 * but gamemode and difficulty, so that the model's or the star level's own value applies.
 */
const numeric = (min: number, max: number) =>
  z
    .string()
    .trim()
    .refine((text) => text !== '' && Number.isFinite(Number(text)), 'must be a finite number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const whole = (min: number, max: number) => numeric(min, max).pipe(z.number().int('must be a whole number'));

const truths = ['true', '1', 'on', 'yes', 't', 'y'];
const untruths = ['false', '0', 'off', 'no', 'f', 'n'];
const flag = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => truths.includes(text) || untruths.includes(text), 'must be true or false')
  .transform((text) => truths.includes(text));

const line = (max: number) =>
  z
    .string()
    .transform((text) => text.replace(/\p{Cc}/gu, ' ').trim())
    .pipe(z.string().min(1, 'must not be blank').max(max, `must be at most ${max} characters`));

const names = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON array of strings' });
      return z.NEVER;
    }
  })
  .pipe(z.array(z.string().min(1).max(100), 'must be a JSON array of strings').max(64).nullable())
  .transform((list) => (list && list.length > 0 ? list : undefined));

export const paramsSchema = z.object({
  gamemode: whole(0, 3).default(0),
  difficulty: numeric(0, 12).default(5),
  year: whole(2007, 2077).optional(),
  mapper_id: whole(1, 2 ** 31 - 1).optional(),
  hp_drain_rate: numeric(0, 10).optional(),
  circle_size: numeric(0, 10).optional(),
  overall_difficulty: numeric(0, 10).optional(),
  approach_rate: numeric(0, 10).optional(),
  slider_multiplier: numeric(0.4, 3.6).optional(),
  slider_tick_rate: numeric(0.5, 8).optional(),
  keycount: whole(1, 18).optional(),
  hold_note_ratio: numeric(0, 1).optional(),
  scroll_speed_ratio: numeric(0, 1).optional(),
  cfg_scale: numeric(0.1, 30).optional(),
  temperature: numeric(0.01, 10).optional(),
  top_p: numeric(0.01, 1).optional(),
  seed: whole(0, 2 ** 31 - 1).optional(),
  start_time: whole(0, 36_000_000).optional(),
  end_time: whole(1, 36_000_000).optional(),
  export_osz: flag.default(true),
  add_to_beatmap: flag.default(false),
  hitsounded: flag.optional(),
  super_timing: flag.optional(),
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
  offset: whole(-60_000, 36_000_000).optional(),
  preview_time: whole(-1, 36_000_000).optional(),
});

export type Params = z.infer<typeof paramsSchema>;

/** Every parameter by name, as the form has it. */
export const parameterNames: readonly string[] = Object.keys(paramsSchema.shape);

/** Text fields of the form → parameters, or the list of what is wrong with them. Unknown names come back by name. */
export function parseFields(fields: ReadonlyMap<string, string>) {
  const known: Record<string, string> = {};
  const unknown: string[] = [];
  for (const [name, value] of fields) {
    if (name === 'model') continue;
    if (!Object.hasOwn(paramsSchema.shape, name)) unknown.push(name);
    else if (value !== '') known[name] = value;
  }
  const parsed = paramsSchema.safeParse(known);
  const errors = parsed.success
    ? rangeProblems(parsed.data)
    : parsed.error.issues.map((issue) => ({
        field: String(issue.path[0]),
        code: 'invalid_value',
        detail: issue.message,
      }));
  return { params: parsed.data, errors, unknown };
}

function rangeProblems(params: Params) {
  const { start_time: start, end_time: end } = params;
  if (start === undefined || end === undefined || start < end) return [];
  return [{ field: 'end_time', code: 'invalid_value', detail: 'must be later than start_time' }];
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
