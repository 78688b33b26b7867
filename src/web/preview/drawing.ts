/** What a renderer is given for one frame. Lengths are CSS pixels; the context is already scaled for the screen's density. */
export interface Frame {
  context: CanvasRenderingContext2D;
  /** ms into the song. */
  time: number;
  width: number;
  height: number;
  /** Device pixels in a CSS pixel. */
  density: number;
  /** Reduced motion is asked for: nothing moves that is not the map itself. */
  calm: boolean;
  /** How long a mania note falls, ms. */
  fallMs: number;
}

export type Draw = (frame: Frame) => void;

/** How far a value is between two others, 0 to 1. */
export const ramp = (value: number, from: number, to: number): number =>
  Math.min(1, Math.max(0, (value - from) / (to - from)));

/** How long before its time an object appears, ms (osu! wiki, Beatmap/Approach rate). */
export const preemptMs = (approachRate: number): number =>
  1200 + (approachRate < 5 ? 600 : 750) * ((5 - approachRate) / 5);

/** Of circles and fruits, osu! pixels (osu! wiki, Beatmap/Circle size). */
export const objectRadius = (circleSize: number): number => 54.4 - 4.48 * circleSize;

export function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, Math.max(0, radius), 0, 2 * Math.PI);
  context.fill();
}

export function ring(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  width: number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, Math.max(0, radius), 0, 2 * Math.PI);
  context.stroke();
}

/** Two `#rrggbb`, with this share of the second. */
export function mix(colour: string, other: string, share: number): string {
  const parts = (hex: string) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));
  const others = parts(other);
  const mixed = parts(colour).map((part, index) => Math.round(part + ((others[index] ?? part) - part) * share));
  return `rgb(${mixed.join(' ')})`;
}
