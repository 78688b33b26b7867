import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Only a main file and the configuration may touch the process; everything else gets what it needs as arguments. */
const ofTheProcess = ['env', 'exit', 'on', 'once'].map((property) => ({
  object: 'process',
  property,
  message: 'Only a main file, src/shared/config.ts and src/cli may touch the process.',
}));

/** Each strong dependency has one home, so that what it may do is decided in one place. */
const homes = {
  'node:child_process': ['src/shared/process.ts'],
  chokidar: ['src/api/watcher.ts'],
  bullmq: ['src/shared/queue.ts', 'src/worker/consume.ts'],
  concurrently: ['src/cli/supervise.ts'],
};

const withoutHomes = (file) =>
  Object.entries(homes)
    .filter(([, files]) => !files.includes(file))
    .map(([name]) => ({ name, message: `Only ${homes[name].join(' and ')} may use ${name}.`, allowTypeImports: true }));

const importRules = (file) => ['error', { paths: withoutHomes(file) }];

export default defineConfig(
  globalIgnores(['dist', 'dist-faults', 'data', 'coverage', 'mapperatorinator']),
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      // Express 5 and event emitters take async handlers; a promise in a condition or a spread stays an error.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // An async function without await turns what it throws into a rejection; that is often the point.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Our objects come from factory functions; none of them uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/main.ts', 'src/shared/config.ts', 'src/cli/*'],
    rules: { 'no-restricted-properties': ['error', ...ofTheProcess] },
  },
  { files: ['src/**/*.ts'], rules: { '@typescript-eslint/no-restricted-imports': importRules('') } },
  ...[...new Set(Object.values(homes).flat())].map((file) => ({
    files: [file],
    rules: { '@typescript-eslint/no-restricted-imports': importRules(file) },
  })),
  {
    // Signal processing indexes arrays within bounds its loops have just computed; a test wants to fail there.
    files: ['src/worker/engines/builtin/**/*.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    // What a test reads from the wire is JSON, and its expectations are what checks the shape.
    files: ['test/**/*.ts'],
    rules: Object.fromEntries(
      ['argument', 'assignment', 'call', 'member-access', 'return'].map((kind) => [
        `@typescript-eslint/no-unsafe-${kind}`,
        'off',
      ]),
    ),
  },
);
