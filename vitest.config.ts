import { defineConfig } from 'vitest/config';

/** Their numbers are promises to people: they run when nothing else does but each other, and a busy moment gets another try. */
const timed = ['test/page-acceptance.test.ts', 'test/preview-playback.test.ts', 'test/preview-player.test.ts'];

const common = {
  pool: 'forks' as const,
  globalSetup: 'test/global-setup.ts',
  testTimeout: 30_000,
  hookTimeout: 30_000,
  teardownTimeout: 10_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'service',
          include: ['test/**/*.test.ts'],
          exclude: timed,
          // Most tests wait for processes and clocks: two cores are not busy with three files.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: 'timed', include: timed, maxWorkers: 2, retry: 2, sequence: { groupOrder: 1 } } },
    ],
  },
});
