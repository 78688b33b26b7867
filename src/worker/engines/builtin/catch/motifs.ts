import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';

/** What the music would like of one movement. */
export interface Wish {
  /** −1 left, 1 right. */
  towards: -1 | 1;
  /** How much that matters against the contour: about 1, more where an earlier bar is answered. */
  weight: number;
  /** Where the melody is, px. */
  target: number;
  /** How wide the movement should be in its class, 0 to 1. */
  size: number;
  /** Px of the answered movement, where there is one. */
  distance?: number;
}

/** What it would like of a juice stream's path. */
export interface StreamWish extends Wish {
  /** It swings to and fro. */
  wiggly: boolean;
  /** It is a curve and no line. */
  bent: boolean;
}

/** A movement into an object or, for a juice stream, along it. */
export interface Moved {
  head: number;
  along: number;
}

/** Shapes of a bar: along one way, to and fro, two by two, after the melody, and wide hops on accents. */
const shapes = ['sweep', 'zigzag', 'pairs', 'contour', 'hop'] as const;
type Shape = (typeof shapes)[number];
const usualWeights: Record<Shape, number> = { sweep: 0.28, zigzag: 0.22, pairs: 0.18, contour: 0.22, hop: 0.1 };
/** Share of the sliders that are curves: about a quarter in ranked maps. */
const curvedShare = 0.25;
/** Share of the bars that sound like an earlier one and answer it mirrored. */
const answered = 0.7;

/** No bar has as many places. */
const placeKey = (bar: number, place: number) => bar * 4096 + place;

/** Which way and how wide each movement should go. Bars that sound like an earlier bar answer it: the same movements, mirrored. */
export class Motifs {
  private readonly moved = new Map<number, Moved>();
  private bar = -1;
  private inBar = 0;
  private shape: Shape = 'contour';
  private start: -1 | 1 = 1;

  private readonly score: Score;
  private readonly plan: Plan;
  private readonly random: Random;

  constructor(score: Score, plan: Plan, random: Random) {
    this.score = score;
    this.plan = plan;
    this.random = random;
  }

  /** What is wished of the way into the object at `tick`, and if it is a juice stream along it, from a catcher at `x`. */
  wish(tick: Tick, accent: number, x: number, lastWay: -1 | 0 | 1, target: number): { head: Wish; along: StreamWish } {
    if (tick.bar !== this.bar) this.begin(tick.bar);
    const root = this.rootOf(tick.bar);
    const size = this.sizeOf(tick, accent, root);
    const towards = this.turned(this.way(x, lastWay, target), lastWay, tick);
    this.inBar += 1;
    const after = this.shape === 'zigzag' || this.shape === 'pairs' ? (-towards as -1 | 1) : towards;
    const head: Wish = { towards, weight: 1, target, size };
    const wiggly = this.random('wiggle', root, tick.place) < 0.7 * this.plan.style.wiggles;
    const bent = this.random('bent', root, tick.place) < curvedShare;
    const along: StreamWish = { towards: after, weight: 1, target, size: 0.35 + 0.65 * size, wiggly, bent };
    const answer = root === tick.bar ? undefined : this.moved.get(placeKey(root, tick.place));
    if (!answer) return { head, along };
    return { head: { ...head, ...this.answer(answer.head) }, along: { ...along, ...this.answer(answer.along) } };
  }

  remember(tick: Tick, moved: Moved) {
    this.moved.set(placeKey(tick.bar, tick.place), moved);
  }

  private answer(px: number): Partial<Wish> {
    const mirrored = this.plan.style.repetition > 0 ? 1 : -1;
    return { towards: px * mirrored > 0 ? 1 : -1, weight: 3, distance: Math.abs(px) };
  }

  private begin(bar: number) {
    const root = this.rootOf(bar);
    this.bar = bar;
    this.inBar = 0;
    this.shape = this.shapeOf(root);
    const mirrored = root === bar ? 1 : -1;
    this.start = (this.random('way', root) < 0.5 ? 1 : -1) * mirrored > 0 ? 1 : -1;
  }

  /** The bar that this one answers, or itself. */
  private rootOf(bar: number): number {
    const { symmetry, repetition } = this.plan.style;
    const twin = this.score.structure.twins[bar] ?? null;
    const share =
      answered + (1 - answered) * Math.max(0, symmetry, repetition) - 0.5 * Math.max(0, -symmetry, -repetition);
    return twin === null || this.random('answer', bar) >= share ? bar : twin;
  }

  private shapeOf(bar: number): Shape {
    const { flow, antiflow, wiggles, simple, jumps } = this.plan.style;
    const weights = { ...usualWeights };
    weights.sweep *= 3 ** (flow - antiflow + 0.5 * simple);
    weights.zigzag *= 3 ** (antiflow - flow + 1.2 * wiggles);
    weights.hop *= 3 ** (jumps - simple);
    const total = shapes.reduce((sum, shape) => sum + weights[shape], 0);
    let left = this.random('shape', bar) * total;
    return shapes.find((shape) => (left -= weights[shape]) < 0) ?? 'contour';
  }

  private way(x: number, lastWay: -1 | 0 | 1, target: number): -1 | 1 {
    const flip = (turn: boolean) => (turn ? (-this.start as -1 | 1) : this.start);
    const melody = target > x ? 1 : -1;
    if (this.shape === 'zigzag') return flip(this.inBar % 2 === 1);
    if (this.shape === 'pairs') return flip(this.inBar % 4 >= 2);
    if (this.shape === 'sweep')
      return this.inBar === 0 ? (x > 400 ? -1 : x < 112 ? 1 : this.start) : lastWay || this.start;
    if (this.shape === 'hop') return x > 256 ? -1 : 1;
    return melody;
  }

  /** Flow goes on the way it went, antiflow turns back. */
  private turned(towards: -1 | 1, lastWay: -1 | 0 | 1, { index }: Tick): -1 | 1 {
    const { flow, antiflow } = this.plan.style;
    const bias = flow - antiflow;
    if (lastWay === 0 || bias === 0 || this.random('turn', index) >= 0.75 * Math.abs(bias)) return towards;
    return bias > 0 ? lastWay : (-lastWay as -1 | 1);
  }

  private sizeOf(tick: Tick, accent: number, root: number): number {
    const chance = this.random('size', root, tick.place);
    const varied = 1 - 0.85 * this.plan.style.simple;
    return Math.min(1, Math.max(0.05, 0.6 + varied * (0.4 * (accent - 0.5) + 0.4 * (chance - 0.5))));
  }
}
