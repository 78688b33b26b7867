import type { StandardObject } from '../../shared/preview.ts';
import { mix } from './drawing.ts';
import { firstIndex } from './visible.ts';

export type Slider = Extract<StandardObject, { kind: 'slider' }>;
interface Place {
  x: number;
  y: number;
  /** Where the path goes here, radians. */
  angle: number;
}

/** A slider's path as the places along it. */
export function createPath({ path }: Slider) {
  const corners: { x: number; y: number; along: number }[] = [];
  for (let index = 0; index + 1 < path.length; index += 2) {
    const [x, y] = [path[index] ?? 0, path[index + 1] ?? 0];
    const before = corners.at(-1);
    corners.push({ x, y, along: before ? before.along + Math.hypot(x - before.x, y - before.y) : 0 });
  }
  const length = corners.at(-1)?.along ?? 0;

  /** @param share 0 at the head, 1 at the tail. */
  function at(share: number): Place {
    const along = share * length;
    const next = Math.max(
      1,
      firstIndex(corners.length - 1, (index) => (corners[index]?.along ?? 0) >= along),
    );
    const [from, to] = [corners[next - 1], corners[next]];
    if (!from || !to) return { x: from?.x ?? 0, y: from?.y ?? 0, angle: 0 };
    const part = to.along > from.along ? (along - from.along) / (to.along - from.along) : 0;
    return {
      x: from.x + (to.x - from.x) * part,
      y: from.y + (to.y - from.y) * part,
      angle: Math.atan2(to.y - from.y, to.x - from.x),
    };
  }
  return { corners, at };
}

export type Path = ReturnType<typeof createPath>;

/** Which of the spans the ball is in at a time, and how far it is along the path. */
export function ballAlong({ time, end, spans }: Slider, now: number): { span: number; share: number } {
  const covered = Math.min(spans, Math.max(0, ((now - time) / Math.max(1, end - time)) * spans));
  const span = Math.min(spans - 1, Math.floor(covered));
  return { span, share: span % 2 === 0 ? covered - span : 1 - (covered - span) };
}

/**
 * The body as a picture, so that border and inside fade as one. It is stroked twice: as wide as the circles, and inside of the border. `scale` is
 * device pixels in an osu! pixel; the picture is put at `x`, `y`.
 */
export function bodyPicture({ corners }: Path, radius: number, colour: string, scale: number) {
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  const [x, y] = [Math.min(...xs) - radius - 1, Math.min(...ys) - radius - 1];
  const width = Math.max(...xs) + radius + 1 - x;
  const height = Math.max(...ys) + radius + 1 - y;
  const image = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  const context = image.getContext('2d');
  if (context) {
    context.scale(scale, scale);
    context.translate(-x, -y);
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    for (const corner of corners) context.lineTo(corner.x, corner.y);
    // A path of one place is a dot only when it is a line.
    context.lineTo(corners.at(-1)?.x ?? 0, (corners.at(-1)?.y ?? 0) + 0.01);
    stroke(context, radius * 1.94, mix(colour, '#ffffff', 0.75));
    context.globalCompositeOperation = 'destination-out';
    stroke(context, radius * 1.72, '#000');
    context.globalCompositeOperation = 'source-over';
    context.globalAlpha = 0.8;
    stroke(context, radius * 1.74, mix(colour, '#0c0c14', 0.66));
    context.globalAlpha = 0.5;
    stroke(context, radius * 0.8, mix(colour, '#0c0c14', 0.55));
  }
  return { image, x, y, width: image.width / scale, height: image.height / scale };
}

function stroke(context: OffscreenCanvasRenderingContext2D, width: number, colour: string): void {
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}
