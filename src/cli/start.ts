import { readFile } from 'node:fs/promises';
import { config as loadDotenv } from 'dotenv';
import { parseArguments, parseProcfile, processesOf, UsageError, type Started } from './procfile.ts';
import { supervise } from './supervise.ts';

const compile = 'node node_modules/typescript/bin/tsc -p tsconfig.build.json --watch --preserveWatchOutput';

/** `npm start -- worker=3 [--watch]`: runs the Procfile of the working folder until SIGINT or SIGTERM. */
async function main() {
  loadDotenv({ quiet: true });
  const { ended, stop } = supervise(await plan(process.argv.slice(2)));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.exitCode = await ended;
}

async function plan(args: string[]): Promise<Started[]> {
  const text = await readFile('Procfile', 'utf8').catch(() => {
    throw new UsageError('There is no Procfile in this folder.');
  });
  const types = parseProcfile(text);
  const { counts, watch } = parseArguments(args, types.keys());
  const processes = processesOf(types, counts, process.env['PORT'] || '8000');
  return watch ? [{ name: 'tsc', command: compile }, ...processes.map(watched)] : processes;
}

/** Starts the program again whenever a compiled file that it has loaded changes. */
const watched = ({ name, command }: Started) => ({ name, command: command.replace(/^node /, 'node --watch ') });

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
