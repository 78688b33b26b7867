import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { UnreadableMapError, verifyMap, verifySet, type Verdict } from './verify.ts';
import { describe } from './describe.ts';

/** `npm run verify -- FILE.osu|FILE.osz [--json]`: exit 0 without a blocking issue, 1 with one, 2 for what cannot be read. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1)
    throw new UnreadableMapError('Usage: npm run verify -- FILE.osu|FILE.osz [--json]');
  const bytes = await readFile(path);
  const isMap = path.toLowerCase().endsWith('.osu');
  const verdicts: Verdict[] = isMap ? [verifyMap(bytes.toString('utf8'))] : verifySet(bytes);
  process.stdout.write(
    values.json ? `${JSON.stringify(isMap ? verdicts[0] : verdicts, null, 2)}\n` : describe(verdicts),
  );
  return verdicts.some(({ blocking }) => blocking > 0) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
