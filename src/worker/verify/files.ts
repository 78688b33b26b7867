import { imageSize } from 'image-size';
import type { Beatmap } from './beatmap.ts';
import type { Find } from './issue.ts';
import { lastEnd } from './judged.ts';
import { soundMs, soundType } from './sound.ts';

/** The files of a set by name. Names are compared as Windows does, without case. */
export type Files = ReadonlyMap<string, Uint8Array>;

const fileOf = (files: Files, name: string) => {
  const wanted = plain(name);
  for (const [own, bytes] of files) if (plain(own) === wanted) return bytes;
  return undefined;
};
const plain = (name: string) => name.replaceAll('\\', '/').toLowerCase();

/** B13: a background of a size that the game shows well. */
export function background({ background: name }: Beatmap, files: Files | undefined, find: Find) {
  if (name === null) return find('B13', 'blocking', null, 'there is no background');
  if (!files) return;
  const bytes = fileOf(files, name);
  if (!bytes) return find('B13', 'blocking', null, `the background "${name}" is missing`);
  if (bytes.length > 2.5 * 1024 * 1024) find('B13', 'blocking', null, `the background "${name}" is larger than 2.5 MB`);
  const size = sizeOf(bytes);
  if (!size) return find('B13', 'blocking', null, `the background "${name}" is no picture`);
  const { width, height } = size;
  const text = `the background "${name}" is ${width} × ${height}`;
  if (width < 160 || height < 120 || width > 2560 || height > 1440) find('B13', 'blocking', null, text);
  else if (width < 1024 || height < 640) find('B13', 'advisory', null, `${text}, smaller than 1024 × 640`);
}

function sizeOf(picture: Uint8Array) {
  try {
    return imageSize(picture);
  } catch {
    return null; // no picture
  }
}

/** B14: the song is there and of a type that the game plays. Its bitrate is the song's own matter. */
export function song({ general }: Beatmap, files: Files | undefined, find: Find) {
  const name = general.get('AudioFilename');
  if (!name) return find('B14', 'blocking', null, 'no song is named');
  if (!files) return;
  const bytes = fileOf(files, name);
  if (!bytes?.length) return find('B14', 'blocking', null, `the song "${name}" is missing`);
  const type = soundType(bytes);
  if (type !== 'mp3' && type !== 'ogg') find('B14', 'blocking', null, `the song "${name}" is neither mp3 nor ogg`);
  else if (!name.toLowerCase().endsWith(`.${type}`)) find('B14', 'blocking', null, `the song "${name}" is ${type}`);
}

/** kbps of a song that the criteria want, for mp3 and for ogg. */
const bitrates = { least: 128, mp3: 192, ogg: 208 };

/** B14, its bitrate, and A05, that the map goes on to the end of the song: properties of what was sent, so advice. */
export function songLength({ general, objects }: Beatmap, files: Files | undefined, songMs: number, find: Find) {
  const bytes = files && fileOf(files, general.get('AudioFilename') ?? '');
  const kbps = bytes ? (bytes.length * 8) / songMs : null;
  const most = bytes && soundType(bytes) === 'ogg' ? bitrates.ogg : bitrates.mp3;
  if (kbps !== null && (kbps < bitrates.least * 0.98 || kbps > most * 1.02))
    find('B14', 'advisory', null, `the song has ${Math.round(kbps)} kbps`);
  const left = songMs - lastEnd(objects);
  if (left > 0.2 * songMs)
    find('A05', 'advisory', null, `${Math.round(left / 1000)} s of the song are left at the end`);
}

/** B15, one map: every sound that an object names is there. */
export function soundFiles({ objects }: Beatmap, files: Files | undefined, find: Find) {
  if (!files) return;
  const named = new Map<string, number>();
  for (const { sampleFile, time } of objects)
    if (sampleFile !== '' && !named.has(sampleFile)) named.set(sampleFile, time);
  for (const [name, time] of named)
    if (!fileOf(files, name)) find('B15', 'blocking', time, `the sound "${name}" is missing`);
}

/** Sounds that objects play by their set and index: soft-hitclap2.wav and the like. */
const sampleName =
  /^(taiko-)?(normal|soft|drum)-(hit(normal|whistle|finish|clap)|slider(slide|tick|whistle))(\d*)\.(wav|ogg|mp3)$/;

/** B15, a whole set: no empty file, none that nothing uses, no sound too short to be heard. */
export function setFiles(maps: readonly Beatmap[], files: Files, find: Find) {
  const used = new Set<string>();
  for (const map of maps) {
    for (const name of [map.general.get('AudioFilename'), map.background, map.video, ...map.storyboardFiles])
      if (name) used.add(plain(name));
    for (const { sampleFile } of map.objects) if (sampleFile !== '') used.add(plain(sampleFile));
  }
  const boards = [...files].filter(([name]) => name.toLowerCase().endsWith('.osb'));
  for (const [, bytes] of boards)
    for (const [, name = ''] of new TextDecoder().decode(bytes).matchAll(/"([^"]+)"/g)) used.add(plain(name));
  for (const [name, bytes] of files) {
    const isSample = sampleName.test(plain(name));
    if (bytes.length === 0) find('B15', 'blocking', null, `"${name}" is empty`);
    else if (isSample && (soundMs(bytes) ?? Infinity) < 25)
      find('B15', 'blocking', null, `"${name}" is shorter than 25 ms`);
    if (/\.os[ub]$/i.test(name) || isSample || used.has(plain(name))) continue;
    // Pictures and sounds may belong to a skin or to frames of an animation.
    const maySkin = /\.(png|jpe?g|wav|ogg|ini)$/i.test(name);
    find('B15', maySkin ? 'advisory' : 'blocking', null, `nothing uses "${name}"`);
  }
}
