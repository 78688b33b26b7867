import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const built = fileURLToPath(new URL('../dist/web', import.meta.url));
const gzipped = async (file: string) => gzipSync(await readFile(join(built, file))).length;
const sum = async (files: string[]) => (await Promise.all(files.map(gzipped))).reduce((a, b) => a + b, 0);

/** What a browser loads at once, with the larger of the two languages, and what it loads when there is a map to play. */
async function parts() {
  const html = await readFile(join(built, 'index.html'), 'utf8');
  const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file ?? '');
  const all = (await readdir(join(built, 'assets'))).map((file) => `assets/${file}`);
  return {
    html,
    first: ['index.html', ...first],
    words: all.filter((file) => /^assets\/(zh|en)-/.test(file)),
    player: all.filter((file) => /^assets\/player-/.test(file)),
    all,
  };
}

test('the page weighs at most 40 kB before there is a map, and its player 15 kB, both compressed', async () => {
  const { first, words, player, all } = await parts();
  expect(words).toHaveLength(2);
  expect(player).toHaveLength(2); // script and style
  expect(all.filter((file) => ![...first, ...words, ...player].includes(file))).toEqual([]);
  expect((await sum(first)) + Math.max(...(await Promise.all(words.map(gzipped))))).toBeLessThanOrEqual(40_000);
  expect(await sum(player)).toBeLessThanOrEqual(15_000);
});

test('the document has no script and no style of its own, and asks nothing of another host', async () => {
  const { html } = await parts();
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
  expect(html).not.toMatch(/https?:/);
});
