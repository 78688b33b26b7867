import { signal } from '@preact/signals';
import type { ModelLimit } from '../shared/model-limits.ts';
import type { ProblemCode, FieldProblem } from '../shared/problems.ts';
import type { Session } from '../shared/http.ts';
import type { EngineName } from '../shared/request.ts';

/** What the page asks of the service. */

export type { Eta, FileEntry, JobView as JobRecord, Limits, Overview, Session } from '../shared/http.ts';

export interface Model {
  name: string;
  engine: EngineName;
  /** A worker has it now. */
  available: boolean;
  gamemodes?: number[];
}

export interface ModelDetails extends Model {
  /** The engine's own values; null where this host does not know them. */
  config: Record<string, unknown> | null;
  limits: Record<string, ModelLimit>;
}

/** What went wrong on the way, beside the service's own problems: no answer, or one that is none of the service's. */
export type WayCode = 'network' | 'unexpected_answer';

/** A request that was not answered as hoped. `code` chooses the words; `detail` is the service's own sentence. */
export class ServiceError extends Error {
  readonly code: ProblemCode | WayCode;
  readonly errors: FieldProblem[];
  constructor(code: ProblemCode | WayCode, detail: string, errors: FieldProblem[] = []) {
    super(detail);
    this.code = code;
    this.errors = errors;
  }
}

/** Who this browser is to the service; null until it has said so. */
export const session = signal<Session | null>(null);
export const sessionProblem = signal<ServiceError | null>(null);
let isReadingSession = false;

export async function readSession(): Promise<void> {
  isReadingSession = true;
  try {
    session.value = await ask<Session>('GET', '/session');
    sessionProblem.value = null;
  } catch (error) {
    sessionProblem.value = asServiceError(error);
    setTimeout(() => void readSession(), 2000);
  }
  isReadingSession = false;
}

/** The error that an answer's text stands for. A key that is not taken any more brings the sign-in, wherever it was noticed. */
export function errorOf(status: number, text: string): ServiceError {
  try {
    const problem = JSON.parse(text) as { code: ProblemCode; detail: string; errors?: FieldProblem[] };
    if (problem.code === 'unauthorized' && !isReadingSession) void readSession();
    if (typeof problem.code === 'string') return new ServiceError(problem.code, problem.detail, problem.errors);
  } catch {
    // A proxy's page or half an answer: told as such below.
  }
  return new ServiceError('unexpected_answer', `HTTP ${status}`);
}

/**
 * Asks the service for JSON; null where it answers with nothing. Throws a ServiceError.
 */
export async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new ServiceError('network', String(error));
  });
  const text = await response.text().catch(() => '');
  if (!response.ok) throw errorOf(response.status, text);
  try {
    return (text === '' ? null : JSON.parse(text)) as T;
  } catch {
    throw new ServiceError('unexpected_answer', `HTTP ${response.status}`);
  }
}

export const asServiceError = (error: unknown): ServiceError =>
  error instanceof ServiceError ? error : new ServiceError('unexpected_answer', String(error));

/** The address of a part of a job, with the token that opens it to who was sent the link. */
export function jobPath(
  id: string,
  part = '',
  share: string | null = null,
  query: Record<string, string> = {},
): string {
  const asked = new URLSearchParams({ ...query, ...(share === null ? {} : { share }) });
  return `/jobs/${id}${part === '' ? '' : `/${part}`}${asked.size > 0 ? `?${asked}` : ''}`;
}

/** A name for one submit: sent again with it, it still makes one job. */
export function newKey(): string {
  // Not randomUUID: a page over plain http has none.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
