/** What to start, from a Procfile and the counts of the command line. Pure. */

export interface Started {
  name: string;
  command: string;
}

export type Counts = Map<string, number>;

/** A mistake of whoever typed the command; its message is all they need. */
export class UsageError extends Error {}

const maxOfOneKind = 64;

/** Process types and their commands, in the file's order. Throws UsageError on a line that is neither a process nor a comment. */
export function parseProcfile(text: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, command] = /^([\w-]+):\s*(.+?)\s*$/.exec(line) ?? [];
    if (!name || !command)
      throw new UsageError(`Procfile: cannot read the line "${line}". It should be "name: command".`);
    types.set(name, command);
  }
  if (types.size === 0) throw new UsageError('Procfile: no process is named in it.');
  return types;
}

/** `worker=3 api=1` and `--watch`. Throws UsageError. */
export function parseArguments(args: string[], types: Iterable<string>): { counts: Counts; watch: boolean } {
  const known = [...types];
  const counts: Counts = new Map();
  let watch = false;
  for (const arg of args) {
    if (arg === '--watch') {
      watch = true;
      continue;
    }
    const [, name, digits] = /^([\w-]+)=(\d+)$/.exec(arg) ?? [];
    if (!name || !digits)
      throw new UsageError(`Cannot read "${arg}". Say how many of each, as in: npm start -- worker=3`);
    if (!known.includes(name)) throw new UsageError(`The Procfile has no "${name}"; it has ${known.join(', ')}.`);
    if (Number(digits) > maxOfOneKind)
      throw new UsageError(`${name}=${digits} is too many; ${maxOfOneKind} is the most.`);
    counts.set(name, Number(digits));
  }
  return { counts, watch };
}

/**
 * The processes to run: one of each type unless the counts say otherwise. Several of a type are called `worker.1`, `worker.2`, ….
 * Throws UsageError when nothing would run, or when two API processes would want one port.
 */
export function processesOf(types: Map<string, string>, counts: Counts, port: string): Started[] {
  const apis = counts.get('api') ?? 1;
  if (types.has('api') && apis > 1 && port !== '0') {
    const remedy = 'Start each further API with a PORT of its own: PORT=8001 npm start -- api=1 worker=0';
    throw new UsageError(`${apis} API processes cannot share port ${port}. ${remedy}`);
  }
  const processes = [...types].flatMap(([type, command]) => {
    const count = counts.get(type) ?? 1;
    return Array.from({ length: count }, (_, i) => ({ name: count === 1 ? type : `${type}.${i + 1}`, command }));
  });
  if (processes.length === 0) throw new UsageError('Nothing to start: every count is 0.');
  return processes;
}
