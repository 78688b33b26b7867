import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import compression from 'compression';
import { Router, type Request, type Response } from 'express';
import { isErrno } from '../shared/claim.ts';
import type { FileEntry } from '../shared/http.ts';
import { listOutputs, type JobRecord, type Jobs } from '../shared/jobs.ts';
import { Problem, type ProblemCode } from '../shared/problems.ts';
import type { AudioFormat } from '../shared/request.ts';
import type { Access } from './access.ts';
import type { OutputLists } from './watcher.ts';

interface Deps {
  access: Access;
  jobs: Jobs;
  lists: OutputLists;
}

type JobAddress = Request<{ id: string }>;

const audioTypes: Record<AudioFormat, string> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
};

/** What a job made, and what the page needs to show and play it. */
export function resultRoutes({ access, jobs, lists }: Deps): Router {
  async function files(req: JobAddress, res: Response) {
    const { record, share } = await access.findSeen(req);
    const { request } = record;
    const names = await filesOf(lists, record);
    const entries = await Promise.all(
      names.map((name) => fileEntry(jobs.outputs(request.id), request.id, name, share)),
    );
    res.json({ files: entries.filter((entry) => entry !== null) });
  }

  /** One published file; without `?filename=` the first `.osz`, else the first file. */
  async function download(req: JobAddress, res: Response) {
    const { request, state } = (await access.findSeen(req)).record;
    const names = state === 'succeeded' ? await listOutputs(jobs.outputs(request.id)) : [];
    const [first] = names;
    if (first === undefined) throw new Problem('file_not_found', '没有找到输出文件');
    const asked = typeof req.query['filename'] === 'string' ? req.query['filename'] : '';
    const name = asked === '' ? first : names.find((candidate) => candidate === asked);
    if (name === undefined) throw new Problem('file_not_found', `文件 ${asked} 不存在`);
    res.set({ 'content-type': 'application/octet-stream', 'content-disposition': disposition('attachment', name) });
    await sendFile(res, join(jobs.outputs(request.id), name));
  }

  /** The model of the map that was published (shared/preview.ts). */
  async function preview(req: JobAddress, res: Response) {
    const { record } = await access.findSeen(req);
    const { outcome } = record;
    if (outcome?.state !== 'succeeded') throw new Problem('preview_not_found', 'This job has no map to show.');
    res.set({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'private, no-cache' });
    const problem: [ProblemCode, string] = ['preview_not_found', 'There is no preview of this map.'];
    await sendFile(res, jobs.preview(record.request.id, outcome.attempt), problem);
  }

  /** The song as it was sent, in parts where a browser asks for them. */
  async function audio(req: JobAddress, res: Response) {
    const { audio: song } = (await access.findSeen(req)).record.request;
    res.set({
      'content-type': audioTypes[song.format],
      'content-disposition': disposition('inline', song.filename),
      'cache-control': 'private, no-cache',
    });
    await sendFile(res, jobs.audio(song), ['audio_gone', 'The song has been removed.']);
  }

  return Router()
    .get('/jobs/:id/files', files)
    .get('/jobs/:id/download', download)
    .get('/jobs/:id/preview', compression(), preview)
    .get('/jobs/:id/audio', audio);
}

/** Files are those of a job that has succeeded: none before its end, and none of an attempt that was too late. */
export const filesOf = (lists: OutputLists, { request, state }: JobRecord) =>
  state === 'succeeded' ? lists.names(request.id) : [];

/** With ETag and Range. Throws `missing` when the file is not there, and what else goes wrong before the answer has begun. */
async function sendFile(
  res: Response,
  path: string,
  missing: [ProblemCode, string] = ['file_not_found', '文件不存在'],
) {
  const options = { root: dirname(path), dotfiles: 'allow', cacheControl: false } as const;
  await new Promise<void>((resolve, reject) => {
    res.sendFile(basename(path), options, (error?: Error & Partial<SendError>) => {
      if (!error || res.headersSent) return resolve();
      for (const name of ['content-type', 'content-disposition', 'cache-control']) res.removeHeader(name);
      if (isErrno(error, 'ENOENT')) return reject(new Problem(...missing));
      if (error.status !== 412 && error.status !== 416) return reject(error);
      res.status(error.status).set(error.headers).end(); // a condition or a range that cannot be met has no more to say
      resolve();
    });
  });
}

interface SendError {
  status: number;
  headers: Record<string, string>;
}

async function fileEntry(folder: string, id: string, name: string, share: string | null): Promise<FileEntry | null> {
  const dot = name.lastIndexOf('.');
  const size = await stat(join(folder, name)).then(
    (found) => found.size,
    () => null,
  );
  if (size === null) return null; // removed since the list was made
  const token = share === null ? '' : `&share=${encodeURIComponent(share)}`;
  const url = `/jobs/${id}/download?filename=${encodeURIComponent(name)}${token}`;
  return { name, size, type: dot < 0 ? '' : name.slice(dot), download_url: url };
}

/** One quoted ASCII `filename="…"`, which is all that the seed's client reads; other names go as RFC 8187 only. */
function disposition(kind: 'attachment' | 'inline', name: string): string {
  if (/^[\x20-\x7e]+$/.test(name) && !/["\\]/.test(name)) return `${kind}; filename="${name}"`;
  const encoded = encodeURIComponent(name.replace(/\p{Cs}/gu, '')).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename*=utf-8''${encoded}`;
}
