import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Transform, type Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Request } from 'express';
import { isErrno } from '../shared/claim.ts';
import type { Jobs } from '../shared/jobs.ts';
import { Problem } from '../shared/problems.ts';
import { maxBeatmapBytes } from '../shared/reference-beatmap.ts';
import type { AudioFile } from '../shared/request.ts';
import { inspectAudio } from './audio.ts';

const maxFields = 100;
const maxFieldBytes = 64 * 1024;
const overheadBytes = 1024 * 1024;

export interface Upload {
  fields: Map<string, string>;
  audio: AudioFile;
  /** The `.osu` in the field `beatmap_file`, where one was sent. */
  beatmap: { filename: string; text: string } | null;
  /** Names of file parts that the service has no use for. */
  ignoredFiles: string[];
  /** Puts the song in its place. Until then it is a temporary file. */
  keep(): Promise<void>;
}

interface Received {
  filename: string;
  bytes: number;
  sha256: string;
}

/**
 * Reads a multipart submit: the song is streamed to disk, never held in memory, typed by its bytes, and kept under its
 * content's hash when `use` says so. Throws a Problem for everything that is wrong with it; nothing of a refused upload stays on disk.
 */
export async function withUpload<T>(
  req: Request,
  jobs: Jobs,
  maxBytes: number,
  use: (upload: Upload) => Promise<T>,
): Promise<T> {
  const contentType = req.headers['content-type'] ?? '';
  if (!contentType.toLowerCase().startsWith('multipart/form-data')) {
    throw new Problem('not_multipart', 'Send the song and its parameters as multipart/form-data.');
  }
  if (Number(req.headers['content-length'] ?? 0) > maxBytes + maxBeatmapBytes + overheadBytes) throw tooLarge(maxBytes);

  const temporary = join(jobs.uploads(), `upload-${randomUUID()}`);
  try {
    const { fields, file, beatmap, ignoredFiles } = await parseMultipart(req, temporary, maxBytes);
    if (!file) throw fileProblem('no_file', '没有提供文件 (no file in the field audio_file)');
    if (file.bytes === 0) throw fileProblem('empty_file', 'The uploaded file is empty.');
    const found = await inspectAudio(temporary);
    const path = jobs.audioPath(file.sha256, found.format);
    const song = await open(temporary, 'r+');
    await song.sync().finally(() => song.close()); // a loss of power takes no accepted song
    return await use({
      fields,
      ignoredFiles,
      beatmap,
      audio: { path, filename: file.filename, bytes: file.bytes, ...found },
      keep: () => rename(temporary, jobs.audio({ path })),
    });
  } catch (error) {
    if (isErrno(error, 'ENOSPC'))
      throw new Problem('storage_full', 'The disk of the service is full.', [], { cause: error });
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function parseMultipart(req: Request, temporary: string, maxBytes: number) {
  const fields = new Map<string, string>();
  const ignoredFiles: string[] = [];
  const parser = createParser(req, maxBytes);
  let source: Readable | undefined;
  let storing: Promise<Received> | undefined;
  let reading: Promise<Upload['beatmap']> | undefined;
  try {
    // Not a pipeline: that would end the request's socket with the first error, and nobody could read the answer.
    await new Promise<void>((resolve, reject) => {
      parser.on('field', (name, value, nameTruncated, valueTruncated) => {
        if (nameTruncated || valueTruncated) reject(tooLong(name));
        else fields.set(name, value);
      });
      parser.on('file', (field, stream: Readable, filename) => {
        if (field === 'beatmap_file' && !reading) {
          reading = readBeatmap(stream, filename ?? '');
          reading.catch(reject);
          return;
        }
        if (field !== 'audio_file' || storing) {
          ignoredFiles.push(field);
          stream.resume();
          return;
        }
        source = stream;
        stream.once('limit', () => reject(tooLarge(maxBytes)));
        storing = store(stream, temporary, filename ?? '');
        storing.catch(reject);
      });
      parser.on('fieldsLimit', () =>
        reject(new Problem('invalid_multipart', `There are more than ${maxFields} fields.`)),
      );
      parser.once('error', (error: unknown) => reject(unreadable(error)));
      parser.once('finish', resolve);
      req.once('close', () => req.complete || reject(new Problem('upload_aborted', 'The upload was cut off.')));
      req.pipe(parser);
    });
    return { fields, ignoredFiles, file: await storing, beatmap: (await reading) ?? null };
  } catch (error) {
    req.unpipe(parser);
    source?.destroy();
    await storing?.catch(() => undefined);
    throw error;
  }
}

function createParser(req: Request, maxBytes: number) {
  try {
    return new Busboy({
      headers: { ...req.headers, 'content-type': req.headers['content-type'] ?? '' },
      limits: { fileSize: maxBytes, files: 4, fields: maxFields, fieldSize: maxFieldBytes, headerPairs: 50 },
    });
  } catch (error) {
    throw unreadable(error);
  }
}

async function store(stream: Readable, path: string, filename: string): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(stream, meter, createWriteStream(path));
  return { filename: safeFilename(filename), bytes, sha256: hash.digest('hex') };
}

async function readBeatmap(stream: Readable, filename: string): Promise<Upload['beatmap']> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBeatmapBytes) throw tooLarge(maxBeatmapBytes, 'beatmap_file');
    parts.push(part);
  }
  return bytes === 0 ? null : { filename: safeFilename(filename), text: Buffer.concat(parts).toString('utf8') };
}

/** A name for people: the last part of what the client called it, without control characters. */
function safeFilename(name: string): string {
  const last = basename(name.replaceAll('\\', '/'))
    .replace(/\p{Cc}/gu, '')
    .trim();
  return last.slice(0, 200) || 'audio';
}

const unreadable = (error: unknown) =>
  new Problem(
    'invalid_multipart',
    `The multipart body cannot be read: ${error instanceof Error ? error.message : String(error)}`,
  );

const fileProblem = (code: 'no_file' | 'empty_file', detail: string) =>
  new Problem(code, detail, [{ field: 'audio_file', code, detail }]);

const tooLong = (field: string) =>
  new Problem('invalid_request', `${field}: longer than ${maxFieldBytes} bytes`, [
    { field, code: 'too_long', detail: `longer than ${maxFieldBytes} bytes` },
  ]);

const tooLarge = (maxBytes: number, field = 'audio_file') => {
  const detail = `The upload is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB.`;
  return new Problem('upload_too_large', detail, [{ field, code: 'upload_too_large', detail }]);
};
