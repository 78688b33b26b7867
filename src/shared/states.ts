/**
 * The life of a job. `docs/design.md` has the table of who writes each transition; in short:
 *
 *   queued ──claim──▶ running ──▶ succeeded | failed | timed_out        (the claim's owner writes the outcome)
 *     │                 │  ▲
 *     │                 │  └─ released or lost claim: queued again
 *     └──cancel──▶ cancelling ──▶ cancelled                            (whoever holds the claim; the API when nobody does)
 *   succeeded ──retention──▶ expired                                   (the record stays, the files go)
 *
 * Only the three facts on disk are stored (claim, cancel flag, outcome); the state is derived from them.
 */
export const finalStates = ['succeeded', 'failed', 'cancelled', 'timed_out', 'expired'] as const;
export type FinalState = (typeof finalStates)[number];
export type State = 'queued' | 'running' | 'cancelling' | FinalState;

/** The seed's word for a state. Its clients poll until they read completed or failed. */
export function seedStatus(state: State): 'queued' | 'running' | 'completed' | 'failed' {
  if (state === 'queued' || state === 'running') return state;
  if (state === 'cancelling') return 'running';
  return state === 'succeeded' ? 'completed' : 'failed';
}

export const isFinal = (state: State): state is FinalState => (finalStates as readonly string[]).includes(state);
