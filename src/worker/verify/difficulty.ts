export const difficultyLevels = ['Easy', 'Normal', 'Hard', 'Insane', 'Expert', 'Ultra'] as const;
export type DifficultyLevel = (typeof difficultyLevels)[number];

/** Upper bounds of Easy, Normal, Hard, Insane, Expert in stars (mapping reference 1.0); the same in all modes. */
const starBounds = [2, 2.7, 4, 5.3, 6.5];

/** Standard names of the levels (ranking criteria, difficulty naming). The longer ones come first: "Inner Oni" is no "Oni". */
const names: readonly (readonly [RegExp, number])[] = [
  [/\b(hell oni|ura oni|deluge|extreme|ultra)\b/i, 5],
  [/\b(inner oni|overdose|expert|extra)\b/i, 4],
  [/\b(oni|rain|insane)\b/i, 3],
  [/\b(muzukashii|platter|hard)\b/i, 2],
  [/\b(futsuu|salad|normal)\b/i, 1],
  [/\b(kantan|cup|easy|beginner)\b/i, 0],
];

/** The level of a difficulty: by its name, and where that says nothing by its stars. */
export function levelOf(name: string, stars: number): DifficultyLevel {
  const named = names.find(([pattern]) => pattern.test(name))?.[1];
  return difficultyLevels[named ?? starBounds.filter((bound) => stars >= bound).length] ?? 'Ultra';
}

/** 0 Easy … 5 Ultra. */
export const levelIndex = (level: DifficultyLevel): number => difficultyLevels.indexOf(level);

/** How much rhythm limits weigh at a tempo: 1 at 180 BPM, 0.44 at 90, 2 at 240 (mapping reference 1.0). */
export const bpmScale = (bpm: number): number => (bpm * bpm) / 14_400 - bpm / 80 + 1;
