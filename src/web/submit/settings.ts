import type { ModelLimit } from '../../shared/model-limits.ts';
import type { FieldProblem } from '../../shared/problems.ts';
import type { Params } from '../../shared/request.ts';
import { isObject, remembered } from '../memory.ts';

/**
 * The settings of a map as the form has them: text as it is sent, lists as lists, and nothing where the model's own value is to apply.
 */
export type Settings = Record<string, string | string[]>;
export type FieldName = keyof Params;

/** What is asked for first. The rest is folded, a group a fold; what no group names is in the last. */
export const basics = ['title', 'artist', 'bpm', 'offset'] as const satisfies readonly FieldName[];
export const groups = {
  style: ['descriptors', 'negative_descriptors', 'year', 'mapper_id', 'beatmap_id', 'hitsounded', 'lora_path'],
  difficulty: [
    'circle_size',
    'approach_rate',
    'overall_difficulty',
    'hp_drain_rate',
    'slider_multiplier',
    'slider_tick_rate',
    'keycount',
    'hold_note_ratio',
    'scroll_speed_ratio',
  ],
  metadata: ['title_unicode', 'artist_unicode', 'creator', 'version', 'source', 'tags', 'preview_time'],
  parts: ['start_time', 'end_time', 'in_context', 'output_type', 'add_to_beatmap'],
  chance: [
    'seed',
    'cfg_scale',
    'temperature',
    'timing_temperature',
    'mania_column_temperature',
    'taiko_hit_temperature',
    'timeshift_bias',
    'top_p',
    'top_k',
    'do_sample',
    'num_beams',
  ],
  engine: [],
} as const satisfies Record<string, readonly FieldName[]>;
export type GroupName = keyof typeof groups;

/** What the head of the form asks for by controls of its own. */
const heads = ['gamemode', 'difficulty', 'model'];
/** What belongs to one song: not remembered, and not sent when several songs are. */
const ofTheSong: readonly string[] = [
  ...basics,
  'title_unicode',
  'artist_unicode',
  'source',
  'tags',
  'preview_time',
  'start_time',
  'end_time',
];
export const isOfTheSong = (name: string): boolean => ofTheSong.includes(name);

export const fieldsOf = (group: GroupName, limits: Record<string, ModelLimit>): string[] => {
  if (group !== 'engine') return [...groups[group]];
  const placed = new Set<string>([...heads, ...basics, ...Object.values(groups).flat()]);
  return Object.keys(limits).filter((name) => !placed.has(name));
};

/** Whether a field means something for this model and mode. */
export function isUsed(limit: ModelLimit | undefined, mode: number): limit is ModelLimit {
  if (!limit || limit.ignored || (limit.gamemodes && !limit.gamemodes.includes(mode))) return false;
  if (limit.enum && limit.enum.length <= (limit.type === 'boolean' ? 1 : 0)) return false;
  return !limit.choices || choicesOf(limit, mode).length > 0;
}

export const choicesOf = (limit: ModelLimit, mode: number): string[] =>
  (limit.choices ?? []).filter(({ gamemodes }) => gamemodes.includes(mode)).map(({ name }) => name);

export const modeOf = (settings: Settings): number => Number(settings['gamemode'] ?? 0);
export const textOf = (settings: Settings, name: string): string => {
  const value = settings[name];
  return typeof value === 'string' ? value : '';
};
export const listOf = (settings: Settings, name: string): string[] => {
  const value = settings[name];
  return Array.isArray(value) ? value : [];
};

const isEmpty = (value: string | string[] | undefined) => value === undefined || value.length === 0;

/** What is sent: only what is set and means something for this model and mode. Lists as JSON. */
export function sentFields(settings: Settings, limits: Record<string, ModelLimit>, isOneSong: boolean) {
  const mode = modeOf(settings);
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (isEmpty(value) || (!isOneSong && isOfTheSong(name))) continue;
    const limit = limits[name];
    if (!heads.includes(name) && !isUsed(limit, mode)) continue;
    const choices = limit?.choices ? choicesOf(limit, mode) : null;
    const items = Array.isArray(value) && choices ? value.filter((item) => choices.includes(item)) : value;
    if (!isEmpty(items)) sent[name] = Array.isArray(items) ? JSON.stringify(items) : items.trim();
  }
  return sent;
}

/** What can be told to be wrong before anything is sent, in the service's codes. */
export function problemsOf(sent: Record<string, string>, limits: Record<string, ModelLimit>): FieldProblem[] {
  return Object.entries(sent).flatMap(([field, text]) => {
    const { type, minimum = -Infinity, maximum = Infinity, maxLength = Infinity } = limits[field] ?? {};
    const isNumber = type === 'integer' || type === 'number';
    const value = Number(text);
    const fits = isNumber
      ? Number.isFinite(value) && value >= minimum && value <= maximum && (type === 'number' || Number.isInteger(value))
      : text.length <= maxLength || type === 'array';
    return fits ? [] : [{ field, code: 'invalid_value', detail: '' }];
  });
}

/** The settings that a job was made with. Only what can be set: lists stay lists, everything else is text. */
export function settingsOf(params: Partial<Params>, model: string): Settings {
  const entries = Object.entries(params).map(([name, value]): [string, string | string[]] => [
    name,
    Array.isArray(value) ? value : String(value),
  ]);
  return { ...Object.fromEntries(entries), model };
}

/** Settings as text, lists as JSON. */
export const textsOf = (settings: Settings): Record<string, string> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, Array.isArray(value) ? JSON.stringify(value) : value]),
  );

/** Which fields differ, as a retry wants them: null for what is no longer set. */
export function changesOf(before: Record<string, string>, after: Record<string, string>) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter((name) => before[name] !== after[name]);
  return Object.fromEntries(changed.map((name) => [name, after[name] ?? null]));
}

const isSettings = (value: unknown): value is Settings =>
  isObject(value) &&
  Object.values(value).every(
    (one) => typeof one === 'string' || (Array.isArray(one) && one.every((item) => typeof item === 'string')),
  );

export const initial: Settings = { gamemode: '0', difficulty: '5', model: '' };
export const lastSettings = remembered<Settings>('settings', initial, isSettings);

/** Settings without what belongs to one song. */
export const forAnySong = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([name, value]) => !isOfTheSong(name) && !isEmpty(value)));

export interface Preset {
  name: string;
  settings: Settings;
}
const isPresets = (value: unknown): value is Preset[] =>
  Array.isArray(value) &&
  value.every((one) => isObject(one) && typeof one['name'] === 'string' && isSettings(one['settings']));
export const presets = remembered<Preset[]>('presets', [], isPresets);

/** The settings in a file that this page, or anybody, has written. Throws where there are none. */
export function readSettings(text: string): Settings {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('no object');
  const entries = Object.entries(value).flatMap(([name, one]): [string, string | string[]][] => {
    if (one === null || isObject(one)) return [];
    return [[name, Array.isArray(one) ? one.map(String) : `${one as string | number | boolean}`]];
  });
  return { ...initial, ...Object.fromEntries(entries) };
}
