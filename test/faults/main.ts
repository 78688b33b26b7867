import { parseArgs } from 'node:util';
import { describeFault, planFaults } from './nemesis.ts';
import { runFaults } from './run.ts';

/** `npm run faults -- --jobs 500 --minutes 20 --seed 7`; `--plan` prints the faults of a seed and does nothing. */
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: '7' },
    plan: { type: 'boolean', default: false },
  },
});
const [jobs, minutes, seed] = [values.jobs, values.minutes, values.seed].map(Number);
const say = (line: string) => void process.stdout.write(`${line}\n`);

if (!(jobs! > 0 && minutes! > 0 && Number.isInteger(seed))) {
  process.stderr.write('usage: npm run faults -- [--jobs 500] [--minutes 20] [--seed 7] [--plan]\n');
  process.exit(2);
}
const seconds = Math.round(minutes! * 60);
if (values.plan) {
  for (const fault of planFaults(seed!, seconds)) say(describeFault(fault));
  process.exit(0);
}
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
const { passed, table, kept } = await runFaults({
  jobs: jobs!,
  seconds,
  seed: seed!,
  everyFailpoint: minutes! >= 5,
  say,
});
say(table);
if (kept) say(`\nData and logs are kept in ${kept}`);
process.exit(passed ? 0 : 1);
