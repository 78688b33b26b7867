import { open, readFile, rename, stat } from 'node:fs/promises';
import { isErrno } from './claim.ts';

/** Writes a file; when this returns, it survives a loss of power. */
export async function writeDurably(path: string, text: string) {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes what was created in or renamed into a folder survive a loss of power, where the file system knows how. */
export async function syncFolder(path: string) {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].some((code) => isErrno(error, code))) throw error;
  } finally {
    await folder.close();
  }
}

/** Puts a text in the place of what is there, in one step. */
export async function replace(path: string, text: string) {
  const draft = `${path}.new-${process.pid}`;
  await writeDurably(draft, text);
  await rename(draft, path);
}

/** Null where there is no such file. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
