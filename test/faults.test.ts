import { expect, test } from 'vitest';
import { describeFault, planFaults } from './faults/nemesis.ts';
import { runFaults } from './faults/run.ts';

test('the faults of a run are a function of its seed', () => {
  const plan = (seed: number) => planFaults(seed, 600).map(describeFault);
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

test('nothing that was promised is broken by half a minute of faults', async () => {
  const { passed, table } = await runFaults({
    jobs: 40,
    seconds: 25,
    seed: 7,
    everyFailpoint: false,
    say: () => undefined,
  });
  expect(passed, table).toBe(true);
}, 240_000);
