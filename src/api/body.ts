import { json, type Request } from 'express';
import { Problem } from '../shared/problems.ts';

const maxBytes = 64 * 1024;

/** Reads a JSON body, whatever it calls itself. What is wrong with one comes to `bodyProblem` as an error. */
export const jsonBody = json({ limit: maxBytes, type: () => true });

/** The object in a JSON body; an empty one where none was sent. Throws a Problem for anything else. */
export function objectIn(req: Request): Record<string, unknown> {
  const body: unknown = req.body ?? {};
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new Problem('invalid_request', 'The body must be a JSON object.');
}

/** What the reader of JSON bodies has thrown, as a Problem; null for any other error. */
export function bodyProblem(error: unknown): Problem | null {
  if (!(error instanceof Error) || !('type' in error) || !('status' in error)) return null;
  if (error.type === 'entity.too.large') {
    return new Problem('invalid_request', `The body is larger than ${maxBytes / 1024} KB.`);
  }
  return new Problem('invalid_request', `The body cannot be read as JSON: ${error.message}`);
}
