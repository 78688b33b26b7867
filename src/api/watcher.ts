import { stat } from 'node:fs/promises';
import { watch, type FSWatcher } from 'chokidar';
import { LRUCache } from 'lru-cache';
import { ttlSeconds, type Cache, type CacheShapes } from '../shared/cache.ts';
import { isErrno } from '../shared/claim.ts';
import { failpoint } from '../shared/failpoint.ts';
import { listOutputs, type Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { configFolder, installedModels, readModelConfig } from '../shared/models.ts';

/**
 * Keeps `output_files:<id>` and `model_config:<name>` true. What was read in a folder is cached only while this process watches the folder:
 *
 *   watch the folder, wait until the watch stands, read the generation, read the folder, cache unless dropped since.
 *
 * A change drops the key for every API process. A key counts only for a process that watches the folder itself, has read it since, and
 * has been with the same cache all the while, so what a dead process or an outage left behind is never believed. A watch follows
 * its folder when that is renamed, so each time it is asked whether the folder is still the one in this place. Where the key
 * could not be dropped, or no watch can be had, nothing is cached: slower, still right.
 */
const maxWatched = 1_000;
/** When the system has no more watches to give, it is asked again after this. */
const watchAgainMs = 60_000;

type Family = 'output_files' | 'model_config';

/** What is read, and where. */
interface Source<F extends Family> {
  family: F;
  /** For the log. */
  what: string;
  folderOf: (name: string) => string;
  followSymlinks: boolean;
  read: (name: string) => Promise<CacheShapes[F]>;
  /** Anybody may have written into the cache. */
  hasShape: (cached: unknown) => boolean;
}

interface Deps {
  cache: Cache;
  log: Log;
}

interface Watched {
  watcher: FSWatcher;
  /** The folder that is watched, whatever its name is by now. */
  identity: string;
  /** Resolves with whether the watch stands. */
  standing: Promise<boolean>;
  stands: (value: boolean) => void;
  changes: number;
  /** What is read in this folder: a change drops the key of each. */
  names: Set<string>;
  /** The cache's epoch in which this process has read that and cached it; no change was reported since. */
  verified: Map<string, number>;
  /** The key may still be in the cache, from before a change: Redis did not confirm that it is gone. */
  undropped: Set<string>;
}

export type OutputLists = ReturnType<typeof createOutputLists>;
export type ModelConfigs = ReturnType<typeof createModelConfigs>;

export function createOutputLists({ jobs, ...deps }: Deps & { jobs: Jobs }) {
  const { get, close } = createWatchedReads(deps, {
    family: 'output_files',
    what: 'file lists',
    folderOf: jobs.outputs,
    followSymlinks: false,
    read: (id) => listOutputs(jobs.outputs(id)),
    hasShape: Array.isArray,
  });
  return {
    /** The published files of a job, `.osz` first. */
    names: get,
    close,
  };
}

/** All models share a folder, and a default in it: any change there is a change of each. */
export function createModelConfigs({ home, ...deps }: Deps & { home: string }) {
  const { get, close } = createWatchedReads(deps, {
    family: 'model_config',
    what: 'model configs',
    folderOf: () => configFolder(home),
    followSymlinks: true,
    read: (name) => readModelConfig(home, name),
    hasShape: (cached) => typeof cached === 'object' && !Array.isArray(cached),
  });
  return {
    /** The engine's own values for a model; null where this host has none. */
    async find(name: string) {
      return (await installedModels(home)).includes(name) ? get(name) : null;
    },
    close,
  };
}

function createWatchedReads<F extends Family>({ cache, log }: Deps, source: Source<F>) {
  const { family, what, folderOf, followSymlinks, read, hasShape } = source;
  /** By path. One watch a folder: chokidar would let a second one share the first, also when that is of the folder before. */
  const watched = new LRUCache<string, Watched>({
    max: maxWatched,
    ttl: ttlSeconds[family] * 1000,
    ttlAutopurge: true,
    dispose: ({ watcher, stands }) => {
      stands(false); // a closed watcher is never ready
      void watcher.close();
    },
  });
  let unwatchableUntil = 0;

  async function get(name: string): Promise<CacheShapes[F]> {
    const folder = folderOf(name);
    const identity = await identityOf(folder);
    const entry = watched.get(folder);
    if (entry && entry.identity !== identity) {
      watched.delete(folder);
      await changed(entry);
    }
    const isBelieved = () => entry !== undefined && entry.verified.get(name) === cache.epoch();
    if (isBelieved()) {
      const cached = await cache.get(family, name);
      if (cached !== null && hasShape(cached) && isBelieved()) return cached;
    }
    return identity === null ? read(name) : readAndCache(name, folder, identity);
  }

  async function readAndCache(name: string, folder: string, identity: string): Promise<CacheShapes[F]> {
    const entry = watched.get(folder) ?? watchFolder(folder, identity);
    if (!entry || !(await entry.standing)) return read(name);
    entry.names.add(name);
    if (entry.undropped.has(name)) await drop(name, entry);

    const { changes } = entry;
    const epoch = cache.epoch();
    const generation = await cache.generation();
    const found = await read(name);
    await failpoint('files:read');
    const isSame = (await identityOf(folder)) === entry.identity && entry.changes === changes;
    if (!isSame || Object.keys(found).length === 0 || entry.undropped.has(name)) return found;
    const isCached = await cache.setUnlessDropped(family, name, found, generation);
    if (isCached && entry.changes === changes && cache.epoch() === epoch) entry.verified.set(name, epoch);
    return found;
  }

  async function changed(entry: Watched) {
    entry.changes += 1;
    entry.verified.clear();
    await Promise.all([...entry.names].map((name) => drop(name, entry)));
  }

  async function drop(name: string, entry: Watched) {
    const { changes } = entry;
    entry.undropped.add(name);
    const isDropped = await cache.drop(family, name);
    if (isDropped && entry.changes === changes) entry.undropped.delete(name);
  }

  function watchFolder(folder: string, identity: string): Watched | null {
    if (Date.now() < unwatchableUntil) return null;
    const watcher = watch(folder, { depth: 0, ignoreInitial: true, followSymlinks });
    let stands: (value: boolean) => void = () => undefined;
    const standing = new Promise<boolean>((resolve) => (stands = resolve));
    const known = { names: new Set<string>(), verified: new Map<string, number>(), undropped: new Set<string>() };
    const entry: Watched = { watcher, identity, standing, stands, changes: 0, ...known };
    watcher.once('ready', () => stands(true));
    watcher.on('all', (event) => {
      void changed(entry);
      if (event === 'unlinkDir') watched.delete(folder);
    });
    watcher.on('error', (error) => {
      void changed(entry);
      if (Date.now() >= unwatchableUntil)
        log.warn({ err: error }, `A folder cannot be watched; ${what} are not cached.`);
      unwatchableUntil = Date.now() + watchAgainMs;
      watched.delete(folder);
    });
    watched.set(folder, entry);
    return entry;
  }

  return { get, close: () => Promise.all([...watched.values()].map(({ watcher }) => watcher.close())) };
}

/** Which folder is in this place; null for none. The time of birth tells apart two that had the same number one after the other. */
async function identityOf(path: string): Promise<string | null> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isDirectory() ? `${found.dev}:${found.ino}:${found.birthtimeNs}` : null;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}
