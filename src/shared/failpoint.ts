/**
 * Named places between two steps that must not be torn apart. The fault harness preloads a hook (test/fixtures/failpoints.mjs) that
 * may kill, freeze, slow down or fail the process exactly there; without one, passing a failpoint does nothing.
 */
export type Failpoint =
  | 'submit:stored' // the song is in place, the record is not
  | 'submit:recorded' // the record is on disk, nobody was told
  | 'submit:handed' // handed over, the client has no answer yet
  | 'hand:looked' // the queue was asked for the job, which is not in it
  | 'cancel:flagged' // the flag is on disk
  | 'run:claimed' // the claim is taken, the log says nothing yet
  | 'run:prepared' // the scratch folder is there, the engine is not started
  | 'run:checked' // the result is good, nothing is published
  | 'run:published' // the files are public, the outcome is not written
  | 'run:finished' // the outcome is written, caches and scratch are not brought in line
  | 'finish:linked' // the outcome is written, log and marker do not know
  | 'files:read' // a file list or a model config was read from disk and is not cached yet
  | 'remove:renamed' // nobody knows the job any more, its files are still there
  | 'sweep:expired'; // the files of an old job are gone, its record does not say so

type Hook = (name: Failpoint) => Promise<void>;

export async function failpoint(name: Failpoint): Promise<void> {
  await (globalThis as { failpointHook?: Hook }).failpointHook?.(name);
}
