import * as rosu from 'rosu-pp-js';

/** The game's own star rating of a `.osu` text, in the map's own mode. */
export function starsOf(text: string): number {
  const map = new rosu.Beatmap(text);
  try {
    return new rosu.Difficulty().calculate(map).stars;
  } finally {
    map.free();
  }
}
