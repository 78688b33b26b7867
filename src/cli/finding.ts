/** One thing that `npm run doctor` has looked at. */
export interface Finding {
  check: string;
  status: 'ok' | 'warning' | 'problem';
  /** What a program can go by; null where all is well. Where a job would end with a code for the same reason, it is that one. */
  code: string | null;
  /** What was found and what it means. */
  detail: string;
  /** What to do. */
  remedy: string | null;
}

export const ok = (check: string, detail: string, remedy: string | null = null): Finding => ({
  check,
  status: 'ok',
  code: null,
  detail,
  remedy,
});

export const warning = (check: string, code: string, detail: string, remedy: string): Finding => ({
  check,
  status: 'warning',
  code,
  detail,
  remedy,
});

export const problem = (check: string, code: string, detail: string, remedy: string): Finding => ({
  check,
  status: 'problem',
  code,
  detail,
  remedy,
});

/** GiB or MB, for people. */
export const bytes = (count: number) =>
  count >= 2 ** 30 ? `${(count / 2 ** 30).toFixed(1)} GiB` : `${Math.round(count / 1e6)} MB`;
