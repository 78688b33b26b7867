import { once } from 'node:events';
import { constants, access, mkdtemp, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import type { Config } from '../shared/config.ts';
import { bytes, ok, problem, warning, type Finding } from './finding.ts';

const askMs = 2_000;
/** The oldest Node that package.json allows. */
const leastNode = [20, 19] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return ok('Node', `${version}.`);
  const detail = `${version} is older than the service needs (${leastNode.join('.')}).`;
  return problem('Node', 'node_too_old', detail, 'Install Node 22 or newer.');
}

/** Whether the data folder can be written, and whether the next uploads have room. A folder that is not there yet is not made. */
export async function checkDataFolder({ dataDir, maxUploadBytes }: Config): Promise<Finding> {
  const check = 'data folder';
  const there = await nearestFolder(dataDir);
  if (there === null) {
    return problem(
      check,
      'storage_unwritable',
      `${dataDir} is no folder.`,
      'Set DATA_DIR to a folder, or move the file away.',
    );
  }
  const { bavail, bsize, type } = await statfs(there).catch(() => ({ bavail: Infinity, bsize: 1, type: 0 }));
  const room = bavail * bsize;
  const free = `${bytes(room)} free`;
  const noRoom = (status: typeof problem) =>
    status(
      check,
      'storage_full',
      `${dataDir}: ${free}; an upload may take ${bytes(maxUploadBytes)}.`,
      'Make room, or set DATA_DIR to a larger disk.',
    );
  const refusal = await writeProblem(there, dataDir);
  if (refusal === 'ENOSPC' || refusal === 'EDQUOT' || room < maxUploadBytes) return noRoom(problem);
  if (refusal !== null) {
    const detail = `${dataDir} cannot be written by this user (${refusal}).`;
    return problem(
      check,
      'storage_unwritable',
      detail,
      'Give it to the user of the service, or set DATA_DIR to another folder.',
    );
  }
  const network = networkDisks.get(type);
  if (network !== undefined) {
    const detail = `${dataDir} is on ${network}, where changes are seen late or not at all.`;
    return warning(
      check,
      'storage_remote',
      detail,
      'Use a local disk, or on NFS mount it with actimeo=1,lookupcache=positive.',
    );
  }
  if (room < 5 * maxUploadBytes) return noRoom(warning);
  return ok(check, `${dataDir}, ${free}.`);
}

/** Magic numbers of Linux's statfs(2). */
const networkDisks = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'a Windows share'],
  [0xfe534d42, 'a Windows share'],
  [0x01021997, 'a Windows drive'],
]);

/** The folder itself, or where it would be made; null where a file is in the way. */
async function nearestFolder(path: string): Promise<string | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error)) return found.isDirectory() ? path : null;
  if (found.code !== 'ENOENT' || dirname(path) === path) return null;
  return nearestFolder(dirname(path));
}

/** The code of the error that a write meets. */
async function writeProblem(folder: string, dataDir: string): Promise<string | null> {
  try {
    if (folder !== dataDir) await access(folder, constants.W_OK);
    else {
      const own = await mkdtemp(join(folder, '.doctor-'));
      await writeFile(join(own, 'file'), Buffer.alloc(65_536)).finally(() => rm(own, { recursive: true, force: true }));
    }
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Whether the API can listen where it is to, or does already. */
export async function checkPort({ host, port, apiKeys }: Config): Promise<Finding> {
  const check = 'port';
  const where = `${host}:${port}`;
  const refusal = await listenProblem(host, port);
  if (refusal === 'EADDRINUSE') {
    const answer = await askService(host, port);
    if (answer === null) {
      return problem(
        check,
        'port_taken',
        `Another program listens on ${where}.`,
        'Stop it, or set PORT to a free one.',
      );
    }
    if (answer.reasons.length === 0) return ok(check, `The API of this service answers at ${where} and is ready.`);
    const detail = `The API of this service answers at ${where} and is not ready: ${answer.reasons.join(' ')}`;
    return warning(check, 'not_ready', detail, 'See the other lines, or GET /readyz.');
  }
  if (refusal === 'EACCES') {
    return problem(check, 'port_forbidden', `This user may not listen on ${where}.`, 'Set PORT to 1024 or more.');
  }
  if (refusal !== null) {
    return problem(
      check,
      'host_unknown',
      `${where} is no address of this machine (${refusal}).`,
      'Set HOST to 127.0.0.1 or 0.0.0.0.',
    );
  }
  const open = !/^(127\.|localhost$|::1$)/.test(host) && apiKeys.length === 0;
  if (!open) return ok(check, port === 0 ? 'PORT=0: any free one.' : `${where} is free.`);
  const detail = `${where} is free, and whoever reaches it may use the service: no API_KEYS are set.`;
  return warning(check, 'open_to_all', detail, 'Set API_KEYS, and put a proxy with TLS in front.');
}

async function listenProblem(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** What a service of ours says of itself; null when it is none, or says nothing. */
async function askService(host: string, port: number): Promise<{ reasons: string[] } | null> {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${name}:${port}/readyz`, { signal: AbortSignal.timeout(askMs) });
    const { mode, reasons } = (await response.json()) as { mode?: unknown; reasons?: unknown };
    return typeof mode === 'string' && Array.isArray(reasons) ? { reasons: reasons.map(String) } : null;
  } catch {
    return null;
  }
}

/** `needed`: whether Mapperatorinator is to run here, which reads every song with ffmpeg. */
export async function checkFfmpeg({ searchPath }: Config, needed: boolean): Promise<Finding> {
  const missing: string[] = [];
  for (const program of ['ffmpeg', 'ffprobe']) if (!(await isOnPath(program, searchPath))) missing.push(program);
  if (missing.length === 0) return ok('ffmpeg', 'ffmpeg and ffprobe are there.');
  const remedy = 'Install ffmpeg (Debian, Ubuntu: apt-get install ffmpeg).';
  const detail = `${missing.join(' and ')} not on the PATH`;
  return needed
    ? problem('ffmpeg', 'engine_unavailable', `${detail}: Mapperatorinator cannot read songs.`, remedy)
    : warning('ffmpeg', 'no_m4a', `${detail}: .m4a songs are refused, all others work.`, remedy);
}

async function isOnPath(program: string, searchPath: string): Promise<boolean> {
  for (const folder of searchPath.split(delimiter)) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Names in the `.env` of this folder that nobody reads: most likely they are misspelt. */
export async function checkEnvFile(known: readonly string[], parse: (text: string) => object): Promise<Finding> {
  const text = await readFile('.env', 'utf8').catch(() => null);
  if (text === null) return ok('.env', 'There is none in this folder: the environment and the defaults hold.');
  const unknown = Object.keys(parse(text)).filter((name) => !known.includes(name));
  if (unknown.length === 0) return ok('.env', 'Every name in it is a setting.');
  return warning(
    '.env',
    'unknown_variable',
    `Nothing reads ${unknown.join(', ')}.`,
    'Correct the spelling: the names are in .env.example.',
  );
}
