import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { watch, type FSWatcher } from 'chokidar';
import { LRUCache } from 'lru-cache';
import { ttlSeconds, type Cache } from '../shared/cache.ts';
import { isErrno } from '../shared/claim.ts';
import { failpoint } from '../shared/failpoint.ts';
import { listOutputs, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { installedModels } from '../shared/models.ts';

/**
 * Keeps `output_files:<id>` and `model_config:<name>` true. A list is cached only while this process watches its folder:
 *
 *   watch the folder, wait until the watch stands, read the generation, read the folder, cache unless dropped since.
 *
 * A change drops the key for every API process. A key counts only for a process that watches the folder itself and
 * has read it since, so what a dead process left behind is never believed. When no watch can be had, nothing is cached.
 */
const maxWatched = 1_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  log: Log;
}

interface Watched {
  watcher: FSWatcher;
  /** Resolves with whether the watch stands. */
  standing: Promise<boolean>;
  /** This process has read the folder since the watch stands, and no change was reported since. */
  verified: boolean;
  changes: number;
}

export type OutputLists = ReturnType<typeof createOutputLists>;

export function createOutputLists({ jobs, cache, log }: Deps) {
  const watched = new LRUCache<string, Watched>({
    max: maxWatched,
    ttl: ttlSeconds.output_files * 1000,
    ttlAutopurge: true,
    dispose: ({ watcher }) => void watcher.close(),
  });

  /** The published files of a job, `.osz` first. */
  async function names(id: string): Promise<string[]> {
    const entry = watched.get(id);
    if (entry?.verified) {
      const cached = await cache.get('output_files', id);
      if (cached && entry.verified) return cached;
    }
    return readAndCache(id);
  }

  async function readAndCache(id: string): Promise<string[]> {
    const folder = jobs.outputs(id);
    if (!(await isFolder(folder))) return [];
    const entry = watched.get(id) ?? watchFolder(id, folder);
    if (!(await entry.standing)) return listOutputs(folder);

    const generation = await cache.generation();
    const changes = entry.changes;
    const found = await listOutputs(folder);
    await failpoint('files:read');
    if (found.length === 0 || entry.changes !== changes) return found;
    entry.verified = await cache.setUnlessDropped('output_files', id, found, generation);
    return found;
  }

  function watchFolder(id: string, folder: string): Watched {
    const watcher = watch(folder, { depth: 0, ignoreInitial: true, followSymlinks: false });
    const standing = new Promise<boolean>((resolve) => {
      watcher.once('ready', () => resolve(true));
      watcher.once('error', () => resolve(false));
    });
    const entry: Watched = { watcher, standing, verified: false, changes: 0 };
    watcher.on('all', (event) => {
      entry.verified = false;
      entry.changes += 1;
      void cache.drop('output_files', id);
      if (event === 'unlinkDir') watched.delete(id);
    });
    watcher.on('error', (error) => {
      log.warn({ err: error }, 'An output folder cannot be watched; its list is not cached.');
      watched.delete(id);
    });
    watched.set(id, entry);
    return entry;
  }

  return { names, close: () => Promise.all([...watched.values()].map(({ watcher }) => watcher.close())) };
}

/** Drops `model_config:*` of every model whenever a config file changes: they share a default and inherit. */
export function watchModelConfigs(home: string, cache: Cache, log: Log) {
  const watcher = watch(join(home, 'configs', 'inference'), { depth: 0, ignoreInitial: true });
  watcher.on('all', (_event, path) => {
    const changed = basename(path, extname(path));
    void installedModels(home).then((names) => {
      for (const name of new Set([...names, changed])) void cache.drop('model_config', name);
    });
  });
  watcher.on('error', (error) => log.warn({ err: error }, 'The model configs cannot be watched.'));
  return { close: () => watcher.close() };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
