/** Every problem the service reports, with its HTTP status. The code is the contract, the words may change. */
const statuses = {
  invalid_request: 422,
  unauthorized: 401,
  forbidden: 403,
  foreign_origin: 403,
  job_not_found: 404,
  file_not_found: 404,
  preview_not_found: 404,
  model_not_found: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  no_file: 400,
  empty_file: 400,
  invalid_multipart: 400,
  invalid_url: 400,
  not_multipart: 415,
  unsupported_audio_type: 415,
  upload_too_large: 413,
  audio_too_long: 413,
  audio_gone: 410,
  job_open: 409,
  upload_aborted: 400,
  idempotency_key_reused: 422,
  idempotency_in_progress: 409,
  queue_full: 429,
  too_many_jobs: 429,
  storage_full: 507,
  internal_error: 500,
} as const;

export type ProblemCode = keyof typeof statuses;

export interface FieldProblem {
  field: string;
  code: string;
  detail: string;
}

/** An expected failure, answered as RFC 9457 `application/problem+json`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: FieldProblem[];

  constructor(code: ProblemCode, detail: string, errors: FieldProblem[] = [], options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.status = statuses[code];
    this.errors = errors;
  }

  /** The wire form. `detail` is a string, as the seed's clients print it. */
  toJSON() {
    return {
      type: `urn:mapperatorinator-api:problem:${this.code}`,
      title: this.code.replaceAll('_', ' '),
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.errors.length > 0 ? { errors: this.errors } : {}),
    };
  }
}

/** A request refused because of its fields: 422 that names each. */
export function fieldProblems(errors: FieldProblem[]): Problem {
  return new Problem('invalid_request', errors.map((e) => `${e.field}: ${e.detail}`).join('; '), errors);
}
