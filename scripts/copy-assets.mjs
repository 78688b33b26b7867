/** Puts what tsc does not compile (the Python runner, pages) beside the compiled files. */
import { cp, stat } from 'node:fs/promises';
import { extname } from 'node:path';

const leftOut = new Set(['.ts', '.pyc']);

await cp('src', 'dist', {
  recursive: true,
  filter: async (path) => {
    if (path.endsWith('__pycache__') || path === 'src/web') return false; // the page is Vite's
    return (await stat(path)).isDirectory() || !leftOut.has(extname(path));
  },
});
