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

const channels = (colour: string) => [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16));

/** Two `#rrggbb`, with this share of the second. */
export function mix(colour: string, other: string, share: number): string {
  const others = channels(other);
  const mixed = channels(colour).map((part, index) => Math.round(part + ((others[index] ?? part) - part) * share));
  return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** Combo colours are chosen for a picture behind the map; a dark one is made light enough for the dark field. */
export function legible(colour: string): string {
  const [red = 0, green = 0, blue = 0] = channels(colour);
  const light = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  return light < 0.45 ? mix(colour, '#ffffff', (0.45 - light) / (1 - light)) : colour;
}
