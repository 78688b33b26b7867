#!/usr/bin/env node
// Pictures of every state of the page, in both languages and themes, 360 and 1280 px wide: `node scripts/page-screenshots.mjs --out DIR`
// (after `npm run build`). The states are those of the test that looks at them, so that none is forgotten here.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
if (values.out === undefined) {
  process.stderr.write('Where to? --out DIR\n');
  process.exit(2);
}
const { status } = spawnSync('npx', ['vitest', 'run', 'test/page-states.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, PAGE_SCREENSHOTS: resolve(values.out) },
});
process.exit(status ?? 1);
