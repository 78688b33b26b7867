import { z } from 'zod';

/**
 * How a field of a multipart form is read: text in, a value or words about what is wrong out. Each kind of field has its limits
 * beside its schema, so that what is shown of it is what is checked.
 */

/** What a parameter takes, in the words of JSON Schema. */
export interface Limit {
  type: 'integer' | 'number' | 'boolean' | 'string' | 'array';
  minimum?: number;
  maximum?: number;
  /** Of a text, in characters. */
  maxLength?: number;
  maxItems?: number;
  /** The words that are taken; of an array, those that its items are of. */
  enum?: readonly string[];
  /** What applies where the parameter is not sent; none: the model's own. */
  default?: unknown;
}

const limits = z.registry<Limit>();

/** What a field takes. Throws for a schema that was not made here. */
export function limitOf(schema: z.ZodType): Limit {
  const { innerType = schema, defaultValue } = schema.def as { innerType?: z.ZodType; defaultValue?: unknown };
  const limit = limits.get(innerType);
  if (!limit) throw new Error('A field has no limits.');
  return { ...limit, ...(defaultValue === undefined ? {} : { default: defaultValue }) };
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const bounded = (type: 'number' | 'integer', minimum: number, maximum: number) =>
  z
    .string()
    .trim()
    .refine((text) => decimal.test(text) && Number.isFinite(Number(text)), 'must be a finite number')
    .transform(Number)
    .pipe(z.number().min(minimum, `must be at least ${minimum}`).max(maximum, `must be at most ${maximum}`))
    .refine((value) => type === 'number' || Number.isInteger(value), 'must be a whole number')
    .register(limits, { type, minimum, maximum });
export const numeric = (min: number, max: number) => bounded('number', min, max);
export const whole = (min: number, max: number) => bounded('integer', min, max);

const truths = ['true', '1', 'on', 'yes', 't', 'y'];
const untruths = ['false', '0', 'off', 'no', 'f', 'n'];
export const flag = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => truths.includes(text) || untruths.includes(text), 'must be true or false')
  .transform((text) => truths.includes(text))
  .register(limits, { type: 'boolean' });

/**
 * A text as it may stand in one line of a `.osu` file: a line break would begin a section of the client's choice there, and
 * half of a surrogate pair cannot be written at all.
 */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ');

export const line = (maxLength: number) =>
  z
    .string()
    .transform((text) => oneLine(text).trim())
    .pipe(z.string().min(1, 'must not be blank').max(maxLength, `must be at most ${maxLength} characters`))
    .register(limits, { type: 'string', maxLength });

export const oneOf = <const T extends string>(...words: T[]) =>
  z
    .string()
    .trim()
    .pipe(z.enum(words, `must be one of ${words.join(', ')}`))
    .register(limits, { type: 'string', enum: words });

/** A JSON array; an empty one and null mean not sent. */
export const array = <T extends string>(item: z.ZodType<T>, maxItems: number, message: string, words?: readonly T[]) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
    })
    .pipe(z.array(item, message).max(maxItems).nullable())
    .transform((list) => (list && list.length > 0 ? [...new Set(list)] : undefined))
    .register(limits, { type: 'array', maxItems, ...(words ? { enum: words } : {}) });

export const names = array(z.string().min(1).max(100), 64, 'must be a JSON array of strings');

/** The name of a folder, as the operator has called it. Never a path: no separator, and it begins with a letter or digit. */
export const folderName = z
  .string()
  .trim()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,99}$/u, 'must be the name of a LoRA of this service')
  .register(limits, { type: 'string', maxLength: 100 });
