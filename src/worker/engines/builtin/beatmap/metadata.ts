import anyAscii from 'any-ascii';
import { parseFields, type Params } from '../../../../shared/request.ts';
import type { MapParams, Plan } from '../plan.ts';

/** What is known of a song besides its sound. */
export interface SongTags {
  filename: string;
  title?: string;
  artist?: string;
  /** Genres that the file's tags name. */
  genres?: readonly string[];
}

export interface Metadata {
  title: string;
  titleUnicode: string;
  artist: string;
  artistUnicode: string;
  creator: string;
  version: string;
  source: string;
  tags: string;
}

export const creatorName = 'Mapperatorinator API';
/** Goes up with every change after which the same request gives another map. */
export const generatorVersion = 3;

/** What makes this map from this song, beside the request. */
export interface Origin {
  seed: number;
  /** SHA-256 of the song's file. */
  hash: string;
}

/**
 * Names of a map: what the request says, else the song's tags, else the file's name ("Artist - Title.mp3"). The romanised fields
 * are ASCII, as the format wants; the tags say that and how the map was generated (see `remakeOf`).
 */
export function describeMap(song: SongTags, params: MapParams, plan: Plan, origin: Origin): Metadata {
  const base = song.filename.replace(/\.[A-Za-z0-9]{1,5}$/, '');
  const parts = /^(.+?) - (.+)$/.exec(base);
  const titleUnicode =
    clean(params.title_unicode ?? params.title ?? song.title ?? parts?.[2] ?? base) || 'Unknown Title';
  const artistUnicode =
    clean(params.artist_unicode ?? params.artist ?? song.artist ?? parts?.[1] ?? '') || 'Unknown Artist';
  const genres = (song.genres ?? []).map((genre) => romanised(genre).toLowerCase());
  return {
    title: romanised(params.title ?? titleUnicode) || 'Unknown Title',
    titleUnicode,
    artist: romanised(params.artist ?? artistUnicode) || 'Unknown Artist',
    artistUnicode,
    creator: romanised(params.creator ?? '') || creatorName,
    version: romanised(params.version ?? '') || plan.levelName,
    source: clean(params.source ?? ''),
    tags: [clean(params.tags ?? '', 1000), ...disclosure(params, origin), ...genres]
      .filter((tag) => tag !== '')
      .join(' '),
  };
}

const mark = 'generated ai mapperatorinator-api';
/** Texts stand in fields of their own; the rest says nothing about the map. */
const untold = new Set(['title', 'artist', 'title_unicode', 'artist_unicode', 'creator', 'version', 'source', 'tags']);
const withoutEffect = new Set(['export_osz', 'add_to_beatmap', 'mapper_id', 'cfg_scale', 'temperature', 'top_p']);

/** That a machine made this map, which one, and of what: enough to make it again. */
function disclosure(params: MapParams, { seed, hash }: Origin): string[] {
  const { gamemode = 0, difficulty = 5, points, ...rest } = params;
  const told = Object.entries({ gamemode, difficulty, ...rest, seed })
    .filter(([name, value]) => value !== undefined && !untold.has(name) && !withoutEffect.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, value]) => `${name}=${encodeURIComponent(Array.isArray(value) ? JSON.stringify(value) : String(value))}`,
    );
  return [
    mark,
    'engine=builtin',
    `generator=${generatorVersion}`,
    `song=${hash.slice(0, 16)}`,
    ...told,
    ...(points ? ['timing=given'] : []),
  ];
}

/** What a `.osu` of this generator says about how it was made. */
export interface Remake {
  params: Params;
  generator: number;
  /** Start of the song's SHA-256. */
  song: string;
  /** Whether the timing was that of a reference beatmap: then the map's own red lines are it. */
  timingGiven: boolean;
}

/** The request that a generated map was made from, by its metadata; null for a map of other origin. */
export function remakeOf(osu: string): Remake | null {
  const field = (name: string) => new RegExp(`^${name}:[ ]*(.*?)\\r?$`, 'm').exec(osu)?.[1] ?? '';
  const tags = field('Tags');
  const at = tags.lastIndexOf(mark); // the words before it are the client's
  if (at < 0) return null;
  const told = new Map(
    [...tags.slice(at).matchAll(/ ([a-z_]+)=(\S*)/g)].map(([, name, value]) => [name!, decoded(value!)]),
  );
  const [generator, song, timing] = ['generator', 'song', 'timing'].map((name) => told.get(name));
  for (const name of ['engine', 'generator', 'song', 'timing']) told.delete(name);
  const texts = {
    title: field('Title'),
    title_unicode: field('TitleUnicode'),
    artist: field('Artist'),
    artist_unicode: field('ArtistUnicode'),
    creator: field('Creator'),
    version: field('Version'),
    source: field('Source'),
    tags: tags
      .slice(0, at)
      .trim()
      .replace(/^lazer-only ?/, ''),
  };
  const { params } = parseFields(new Map([...told, ...Object.entries(texts)]));
  if (!params) return null;
  return { params, generator: Number(generator), song: song ?? '', timingGiven: timing === 'given' };
}

/** Somebody may have edited the tags. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `Artist - Title (Creator) [Version]`, safe as a file name everywhere and at most 125 characters. */
export function fileStem({ artist, title, creator, version }: Metadata): string {
  const safe = (text: string, most: number) =>
    text
      .replace(/[\\/:*?"<>|%#&;]/g, '')
      .trim()
      .slice(0, most)
      .trim();
  return `${safe(artist, 30)} - ${safe(title, 40)} (${safe(creator, 20)}) [${safe(version, 20)}]`.replace(/^\.+/, '');
}

/** Longest romanised or unicode field (mapping rule B16). */
const longest = 81;

const clean = (text: string, most = longest) =>
  text
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, most)
    .replace(/\p{Cs}/gu, '')
    .trim();

/** A text in ASCII: other scripts are transliterated letter by letter. */
const romanised = (text: string) => clean(anyAscii(clean(text)).replace(/[^\x20-\x7e]/g, ''));
