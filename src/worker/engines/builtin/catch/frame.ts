import type { Plan } from '../plan.ts';
import { edgeRoom, type MovementClass } from './movement.ts';
import type { Wish } from './motifs.ts';

/** What is the same for all movements of a map. */
export interface Frame {
  plan: Plan;
  /** Half the plate's width, px. */
  half: number;
  spacing: number;
}

/** Where fruits may lie, px: dashes to the very rim are against the guidelines. */
export const left = 16;
export const right = 496;
/** Px between a movement and the mark where its class would end. */
export const classMargin = 8;
export const hyperMargin = 14;
/** Px that a player need not be exact. */
export const playerMargin = 6;
/** Nearer than 20 px to a hyperdash the star rating takes a dash for an edge dash. */
const edgeMargin = 21;
/** Up to this level a walk is one that needs no dash even in a row of walks; harder maps go by the mark for one gap. */
const slowLevels = 0;

/** By level, so that a spacing of 1 gives about the stars that were asked for. */
const gains = [1, 1.25, 1.1, 1.02, 1.06, 1.06];

/** Px that a movement keeps from being a hyperdash. */
export const edgeDistance = (gapMs: number, bpm: number): number => Math.max(edgeMargin, edgeRoom(gapMs, bpm) + 2);

export const isSlow = ({ plan }: Frame, kind: MovementClass): boolean => plan.level <= slowLevels && kind === 'walk';

/** The size of a wish by the spacing: all sizes near 0 at the least spacing, near 1 at the greatest, about as wished at 1. */
export const widened = (size: number, { spacing, plan }: Frame): number =>
  size ** (1 / (spacing * gains[plan.level]!) ** 3);

/** How well a place suits the music. */
export const taste = ({ towards, weight, target }: Wish, way: -1 | 1, x: number): number =>
  (way === towards ? weight : 0) - Math.abs(x - target) / 400;

/** Whether the next movement has its room on neither side of a place. */
export const isCramped = (x: number, room: number): boolean => right - x < room && x - left < room;
