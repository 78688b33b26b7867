import type { CatchObject, ManiaObject, Preview, StandardObject, TaikoObject } from '../../shared/preview.ts';
import { createCatch } from './catch.ts';
import type { Draw, Frame } from './drawing.ts';
import { createMania } from './mania.ts';
import { createStandard } from './standard.ts';
import { createTaiko } from './taiko.ts';
import { itemAt } from './visible.ts';

/** The playfield of a map: draws any time of it. */
export function createField(preview: Preview): Draw {
  const draw = rendererOf(preview);
  return (frame) => {
    const { context, density, width, height } = frame;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!frame.calm) drawKiai(frame, preview);
    context.save();
    draw(frame);
    context.restore();
  };
}

/** The mode says of which kind all objects are. */
function rendererOf(preview: Preview): Draw {
  switch (preview.mode) {
    case 0:
      return createStandard(preview, preview.objects as StandardObject[]);
    case 1:
      return createTaiko(preview, preview.objects as TaikoObject[]);
    case 2:
      return createCatch(preview, preview.objects as CatchObject[]);
    case 3:
      return createMania(preview, preview.objects as ManiaObject[]);
  }
}

/** In kiai the sides glow with each beat, so faintly that it is no flash (WCAG 2.3.1: a tenth of white's luminance), however fast the beat. */
function drawKiai({ context, time, width, height }: Frame, { kiai, timing }: Preview): void {
  const span = itemAt(kiai, ([start]) => start, time);
  const beat = itemAt(timing, (line) => line.time, time);
  if (!span || !beat || time < span[0] || time >= span[1]) return;
  const phase = ((((time - beat.time) / beat.beat_ms) % 1) + 1) % 1;
  context.globalAlpha = 0.1 + 0.28 * (1 - phase) ** 2;
  for (const [x, inwards] of [
    [0, 1],
    [width, -1],
  ] as const) {
    const glow = context.createLinearGradient(x, 0, x + inwards * width * 0.14, 0);
    glow.addColorStop(0, '#ff8ad0');
    glow.addColorStop(1, '#ff8ad000');
    context.fillStyle = glow;
    context.fillRect(inwards > 0 ? 0 : width * 0.86, 0, width * 0.14, height);
  }
  context.globalAlpha = 1;
}
