import * as rosu from 'rosu-pp-js';

export interface Rating {
  stars: number;
  maxCombo: number;
}

/** The game's own star rating and highest combo of a `.osu` text, in the map's own mode. */
export function ratingOf(text: string): Rating {
  const map = new rosu.Beatmap(text);
  try {
    const { stars, maxCombo } = new rosu.Difficulty().calculate(map);
    return { stars, maxCombo };
  } finally {
    map.free();
  }
}

/** The game's own star rating of a `.osu` text, in the map's own mode. */
export const starsOf = (text: string): number => ratingOf(text).stars;
