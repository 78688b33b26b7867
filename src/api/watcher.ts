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
 * A change drops the key for every API process. A key counts only for a process that watches the folder itself, has read it since, and
 * has been with the same cache all the while, so what a dead process or an outage left behind is never believed. Where the key
 * could not be dropped, or no watch can be had, nothing is cached: slower, still right.
 */
const maxWatched = 1_000;
/** When the system has no more watches to give, it is asked again after this. */
const watchAgainMs = 60_000;

interface Deps {
  jobs: Jobs;
  cache: Cache;
  log: Log;
}

interface Watched {
  watcher: FSWatcher;
  /** Resolves with whether the watch stands. */
  standing: Promise<boolean>;
  stands: (value: boolean) => void;
  /** The cache's epoch in which this process has read the folder and cached its list; null when a change was reported since. */
  verified: number | null;
  changes: number;
  /** The key of a changed folder may still be in the cache: Redis did not confirm that it is gone. */
  undropped: boolean;
}

export type OutputLists = ReturnType<typeof createOutputLists>;

export function createOutputLists({ jobs, cache, log }: Deps) {
  const watched = new LRUCache<string, Watched>({
    max: maxWatched,
    ttl: ttlSeconds.output_files * 1000,
    ttlAutopurge: true,
    dispose: ({ watcher, stands }) => {
      stands(false); // a closed watcher is never ready
      void watcher.close();
    },
  });
  let unwatchableUntil = 0;

  /** The published files of a job, `.osz` first. */
  async function names(id: string): Promise<string[]> {
    const entry = watched.get(id);
    const isBelieved = () => entry !== undefined && entry.verified === cache.epoch();
    if (isBelieved()) {
      const cached = await cache.get('output_files', id);
      if (Array.isArray(cached) && isBelieved()) return cached;
    }
    return readAndCache(id);
  }

  async function readAndCache(id: string): Promise<string[]> {
    const folder = jobs.outputs(id);
    if (!(await isFolder(folder))) return [];
    const entry = watched.get(id) ?? watchFolder(id, folder);
    if (!entry || !(await entry.standing)) return listOutputs(folder);
    if (entry.undropped) await drop(id, entry);

    const { changes } = entry;
    const epoch = cache.epoch();
    const generation = await cache.generation();
    const found = await listOutputs(folder);
    await failpoint('files:read');
    if (found.length === 0 || entry.undropped || entry.changes !== changes) return found;
    const isCached = await cache.setUnlessDropped('output_files', id, found, generation);
    if (isCached && entry.changes === changes && cache.epoch() === epoch) entry.verified = epoch;
    return found;
  }

  async function drop(id: string, entry: Watched) {
    const { changes } = entry;
    entry.undropped = true;
    const isDropped = await cache.drop('output_files', id);
    if (isDropped && entry.changes === changes) entry.undropped = false;
  }

  function watchFolder(id: string, folder: string): Watched | null {
    if (Date.now() < unwatchableUntil) return null;
    const watcher = watch(folder, { depth: 0, ignoreInitial: true, followSymlinks: false });
    let stands: (value: boolean) => void = () => undefined;
    const standing = new Promise<boolean>((resolve) => (stands = resolve));
    const entry: Watched = { watcher, standing, stands, verified: null, changes: 0, undropped: false };
    watcher.once('ready', () => stands(true));
    watcher.on('all', (event) => {
      entry.verified = null;
      entry.changes += 1;
      void drop(id, entry);
      if (event === 'unlinkDir') watched.delete(id);
    });
    watcher.on('error', (error) => {
      entry.verified = null;
      if (Date.now() >= unwatchableUntil)
        log.warn({ err: error }, 'A folder cannot be watched; file lists are not cached.');
      unwatchableUntil = Date.now() + watchAgainMs;
      watched.delete(id);
    });
    watched.set(id, entry);
    return entry;
  }

  return { names, close: () => Promise.all([...watched.values()].map(({ watcher }) => watcher.close())) };
}

/**
 * Drops `model_config:*` of every model whenever a config file changes (they share a default and inherit), and by `dropAll`: at
 * start and whenever Redis comes back, for nobody knows what has changed before.
 */
export function watchModelConfigs(home: string, cache: Cache, log: Log) {
  const watcher = watch(join(home, 'configs', 'inference'), { depth: 0, ignoreInitial: true });

  async function dropAll(changed?: string) {
    const names = await installedModels(home);
    for (const name of new Set([...names, ...(changed === undefined ? [] : [changed])]))
      await cache.drop('model_config', name);
  }

  watcher.on('all', (_event, path) => void dropAll(basename(path, extname(path))));
  watcher.on('error', (error) => log.warn({ err: error }, 'The model configs cannot be watched.'));
  return { dropAll, close: () => watcher.close() };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
