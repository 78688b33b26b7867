import type { DifficultyLevel } from './difficulty.ts';

/** One thing that a check found. */
export interface Issue {
  /** The check, as in docs/verifier.md: 'B01', 'S05', 'T02', … */
  id: string;
  level: 'blocking' | 'advisory';
  /** Milliseconds into the song, or null for what concerns the whole map. */
  time: number | null;
  message: string;
}

/** What the checks say of one map. */
export interface Verdict {
  mode: 0 | 1 | 2 | 3;
  difficulty: DifficultyLevel;
  stars: number;
  objects: number;
  /** Count of issues of either level; a map for players has no blocking one. */
  blocking: number;
  advisory: number;
  /** By id, then by time. */
  issues: Issue[];
}

/** The text is no beatmap at all, or an archive holds none. */
export class UnreadableMapError extends Error {}

/** Takes what the checks find. */
export type Find = (id: string, level: Issue['level'], time: number | null, message: string) => void;
