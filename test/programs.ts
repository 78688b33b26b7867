import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that the tests talk to, and that npm does not install. */
export interface Program {
  /** Its names on the PATH, the first that is there counts. */
  names: string[];
  /** The variable that names one of the caller's own. */
  variable: string;
  packages: { apt: string; brew: string[] };
  /** What to do where it cannot be had. */
  remedy: string;
}

const redis: Program = {
  names: ['redis-server'],
  variable: 'REDIS_SERVER_BIN',
  packages: { apt: 'redis-server', brew: ['redis'] },
  remedy:
    'The tests need Redis: install redis-server, or set REDIS_SERVER_BIN to it, or TEST_REDIS_URL to a running one.',
};
const chromium: Program = {
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  variable: 'CHROMIUM_BIN',
  packages: { apt: 'chromium', brew: ['--cask', 'chromium'] },
  remedy: 'The tests of the page need a browser: install chromium, or set CHROMIUM_BIN to it.',
};

interface Options {
  install?: boolean;
}

/** Path of the redis-server program. See {@link find}. */
export const findRedis = (options: Options = {}) => find(redis, options);

/** Path of a Chromium. See {@link find}. */
export const findChromium = (options: Options = {}) => find(chromium, options);

/**
 * What its variable names, else what is on the PATH, else (with `install`) installed by the system's package manager where that needs
 * no password. Throws one line that says what to do.
 */
function find({ names, variable, packages, remedy }: Program, { install = false }: Options): string {
  const named = process.env[variable];
  if (named && isExecutable(named)) return named;
  if (named) throw new Error(`${variable} is ${named}, which is no program.`);
  const found = onPath(names);
  if (found) return found;
  if (install) installPackage(packages);
  const installed = onPath(names);
  if (installed) return installed;
  throw new Error(remedy);
}

function installPackage({ apt, brew }: Program['packages']) {
  const root = process.getuid?.() === 0;
  const aptGet = root ? ['apt-get'] : ['sudo', '-n', 'apt-get'];
  if (onPath(['apt-get'])) {
    attempt([...aptGet, 'update', '-qq']);
    attempt([...aptGet, 'install', '-y', '-qq', '--no-install-recommends', apt]);
  } else if (onPath(['brew'])) {
    attempt(['brew', 'install', '--quiet', ...brew]);
  }
}

/** A failure shows in that the program is still not there. */
function attempt([file = '', ...args]: string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync(file, args, { stdio: 'ignore', timeout: 300_000, env });
}

function onPath(names: string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
