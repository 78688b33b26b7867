import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, strFromU8 } from 'fflate';
import { HitType, type Beatmap, type HitObject, type IHasDuration, type ISlidableObject } from 'osu-classes';
import { BeatmapDecoder } from 'osu-parsers';
import { listOutputs, type Report, type VerifierReport } from '../shared/jobs.ts';
import type { JobRequest } from '../shared/request.ts';
import { starsOf } from './stars.ts';
import { UnreadableMapError, verifyMap, type VerifyOptions } from './verify/verify.ts';

/** An engine's result that must not be called done. */
export class InvalidResultError extends Error {}

/** A circle of the smallest size may stand this far outside the 512 × 384 playfield and still be on the screen. */
const margin = { left: 67, right: 67, top: 60, bottom: 44 };

/** A map that an engine wrote, and the other files of its archive. */
interface Written {
  text: string;
  files?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Looks at what an engine wrote before anybody calls it a success: every `.osu`, beside or inside an `.osz`, parses, has
 * objects (unless only its timing or the like was asked for) in order of time, inside the playfield and the song; every `.osz` opens and brings its song.
 * `songSeconds` 0: not known. Throws InvalidResultError with the reason; returns what the first map is, and what the verifier
 * says of it: a map that breaks a rule of mapping can still be played, so that fails no job.
 */
export async function checkResult(folder: string, request: JobRequest, songSeconds: number): Promise<Report> {
  const names = await listOutputs(folder);
  const maps: Written[] = [];
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    if (name.endsWith('.osu')) maps.push({ text: bytes.toString('utf8') });
    if (name.endsWith('.osz')) maps.push(...mapsInside(name, bytes));
  }
  const { output_type: asked = ['MAP'] } = request.params;
  const beatmaps = maps.map(({ text }) => checkMap(text, songSeconds, asked.includes('MAP')));
  const [beatmap] = beatmaps;
  const [first] = maps;
  if (!first || !beatmap) throw new InvalidResultError('The engine wrote no beatmap.');
  return describe(beatmap, first, request, songSeconds);
}

/** The text of the map that the report is of: the first one of the first archive, else the first that lies beside. Null: none. */
export async function firstMap(folder: string): Promise<string | null> {
  for (const name of await listOutputs(folder)) {
    if (name.endsWith('.osu')) return readFile(join(folder, name), 'utf8');
    if (!name.endsWith('.osz')) continue;
    const entries = unzipSync(await readFile(join(folder, name)), { filter: (entry) => entry.name.endsWith('.osu') });
    for (const map of Object.values(entries)) return strFromU8(map);
  }
  return null;
}

function mapsInside(name: string, bytes: Uint8Array): Written[] {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    throw new InvalidResultError(`${name} is not a readable archive.`, { cause: error });
  }
  const maps = Object.keys(entries).filter((entry) => entry.endsWith('.osu'));
  const texts = maps.map((entry) => strFromU8(entries[entry] ?? new Uint8Array()));
  for (const text of texts) {
    const audio = /^AudioFilename:\s*(.+?)\s*$/m.exec(text)?.[1] ?? '';
    if (!entries[audio]?.length) throw new InvalidResultError(`${name} does not contain its song "${audio}".`);
  }
  const files = new Map(Object.entries(entries));
  return texts.map((text) => ({ text, files }));
}

function checkMap(text: string, songSeconds: number, needsObjects: boolean): Beatmap {
  const beatmap = decode(text);
  const objects = beatmap.hitObjects;
  if (objects.length === 0 && needsObjects) throw new InvalidResultError('The beatmap has no objects.');
  if (beatmap.controlPoints.timingPoints.length === 0) throw new InvalidResultError('The beatmap has no timing point.');

  const end = objects.reduce((latest, object) => Math.max(latest, endTime(object)), -Infinity);
  const songEnd = songSeconds === 0 ? Infinity : songSeconds * 1000 + 1000;
  if (end > songEnd)
    throw new InvalidResultError(`The beatmap goes on to ${Math.round(end)} ms, after the song's end.`);
  let before = -Infinity;
  for (const object of objects) {
    if (!(object.startTime >= before))
      throw new InvalidResultError(`Objects are out of order at ${object.startTime} ms.`);
    if (beatmap.mode !== 1 && beatmap.mode !== 3 && !(object.hitType & HitType.Spinner)) checkPosition(object);
    before = object.startTime;
  }
  return beatmap;
}

function describe(beatmap: Beatmap, written: Written, request: JobRequest, songSeconds: number): Report {
  const objects = beatmap.hitObjects;
  const stars = starsOf(written.text);
  return {
    objects: objects.length,
    first_object_ms: Math.round(objects[0]?.startTime ?? 0),
    last_object_ms: Math.round(objects.at(-1)?.startTime ?? 0),
    bpm: Math.round(beatmap.bpm * 100) / 100,
    offset_ms: Math.round(beatmap.controlPoints.timingPoints[0]?.startTime ?? 0),
    stars: { asked: request.params.difficulty, got: Math.round(stars * 100) / 100 },
    verifier: judge(written, request, { stars, ...(songSeconds > 0 ? { songMs: songSeconds * 1000 } : {}) }),
  };
}

/** Issues that a record keeps. */
const keptIssues = 50;

function judge({ text, files }: Written, { params }: JobRequest, known: VerifyOptions): VerifierReport {
  const isWindow = params.start_time !== undefined || params.end_time !== undefined;
  const waive = [...(isWindow ? ['B03'] : []), ...(params.hitsounded === false ? ['B17'] : [])];
  try {
    const { blocking, advisory, issues } = verifyMap(text, files, { ...known, waive });
    const first = (level: string) => issues.filter((issue) => issue.level === level);
    return { blocking, advisory, issues: [...first('blocking'), ...first('advisory')].slice(0, keptIssues) };
  } catch (error) {
    if (!(error instanceof UnreadableMapError)) throw error;
    throw new InvalidResultError(error.message, { cause: error });
  }
}

function decode(text: string): Beatmap {
  try {
    return new BeatmapDecoder().decodeFromString(text, { parseStoryboard: false });
  } catch (error) {
    throw new InvalidResultError('The beatmap cannot be parsed.', { cause: error });
  }
}

function checkPosition(object: HitObject) {
  const { startX: x, startY: y } = object;
  const path = (object as Partial<ISlidableObject>).path;
  const tail = path?.positionAt(1);
  for (const point of [
    { x, y },
    { x: x + (tail?.x ?? 0), y: y + (tail?.y ?? 0) },
  ]) {
    const inside =
      point.x >= -margin.left &&
      point.x <= 512 + margin.right &&
      point.y >= -margin.top &&
      point.y <= 384 + margin.bottom;
    if (!inside) throw new InvalidResultError(`An object at ${object.startTime} ms is off the screen.`);
  }
}

const endTime = (object: HitObject) => (object as Partial<IHasDuration>).endTime ?? object.startTime;
