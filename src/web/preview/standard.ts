import type { Preview, StandardObject } from '../../shared/preview.ts';
import { disc, type Draw, type Frame, legible, mix, objectRadius, preemptMs, ramp, ring } from './drawing.ts';
import { ballAlong, bodyPicture, createPath, type Path, type Slider } from './slider.ts';
import { createVisible } from './visible.ts';

/** How long a hit object takes to fade, ms. */
const FADE = 240;
/** A spinner comes up this long before it starts, ms. */
const SPINNER_FADE = 400;

type Spinner = Extract<StandardObject, { kind: 'spinner' }>;
type Hittable = Exclude<StandardObject, Spinner>;
interface Item {
  object: StandardObject;
  colour: string;
  /** Of a slider. */
  path?: Path;
}

/** osu!: circles come up where they are to be hit, a ring closes on each. */
export function createStandard(preview: Preview, objects: readonly StandardObject[]): Draw {
  const radius = objectRadius(preview.settings.circle_size);
  const preempt = preemptMs(preview.settings.approach_rate);
  const fadeIn = preempt * (2 / 3);
  const colours = preview.colours.map(legible);
  const items = objects.map((object): Item => {
    const colour = (object.kind !== 'spinner' && colours[object.colour]) || '#8f8fff';
    return object.kind === 'slider' ? { object, colour, path: createPath(object) } : { object, colour };
  });
  const visible = createVisible(items, ({ object }) => [
    object.time - (object.kind === 'spinner' ? SPINNER_FADE : preempt),
    endOf(object) + FADE,
  ]);
  const follow = createFollowPoints(items, preempt);
  const bodies = createBodies(radius);

  return (frame) => {
    const { context, time, width, height } = frame;
    const scale = Math.min(width / 640, height / 480);
    const shown = visible(time).reverse();
    context.translate((width - 512 * scale) / 2, (height - 384 * scale) / 2);
    context.scale(scale, scale);
    bodies.keep(shown, scale * frame.density);
    follow(frame);
    for (const item of shown) {
      const { object } = item;
      if (object.kind === 'spinner') drawSpinner(frame, object);
      else {
        const alpha = ramp(time, object.time - preempt, object.time - preempt + fadeIn);
        if (object.kind === 'slider' && item.path) drawSlider(frame, item, object, item.path, alpha);
        drawCircle(frame, object, item.colour, alpha);
      }
    }
    for (const { object, colour } of shown)
      if (object.kind !== 'spinner' && time < object.time) {
        const [x, y] = headOf(object);
        context.globalAlpha = 0.9 * ramp(time, object.time - preempt, object.time - preempt + fadeIn);
        ring(context, x, y, radius * (4 - 3 * ramp(time, object.time - preempt, object.time)), radius * 0.09, colour);
      }
  };

  function drawCircle({ context, time, calm }: Frame, object: Hittable, colour: string, alpha: number) {
    const gone = ramp(time, object.time, object.time + FADE);
    if (gone === 1) return;
    const [x, y] = headOf(object);
    const size = radius * (calm ? 1 : 1 + 0.4 * gone);
    context.globalAlpha = alpha * (1 - gone);
    disc(context, x, y, size * 0.9, mix(colour, '#0c0c14', 0.45));
    disc(context, x, y, size * 0.68, mix(colour, '#0c0c14', 0.18));
    ring(context, x, y, size * 0.9, size * 0.13, '#fff');
    if (gone > 0) return;
    context.fillStyle = '#fff';
    context.font = `700 ${radius * 0.8}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.strokeStyle = '#0c0c1480';
    context.lineWidth = radius * 0.12;
    context.lineJoin = 'round';
    context.strokeText(String(object.combo), x, y + radius * 0.05);
    context.fillText(String(object.combo), x, y + radius * 0.05);
  }

  function drawSlider(frame: Frame, item: Item, slider: Slider, path: Path, alpha: number) {
    const { context, time } = frame;
    const { span, share } = ballAlong(slider, time);
    const shown = alpha * (1 - ramp(time, slider.end, slider.end + FADE));
    const body = bodies.of(item, path);
    context.globalAlpha = shown;
    context.drawImage(body.image, body.x, body.y, body.width, body.height);
    for (const tick of slider.ticks) {
      const at = ballAlong(slider, tick);
      if (tick < time || at.span !== span) continue;
      const { x, y } = path.at(at.share);
      disc(context, x, y, radius * 0.12, '#fff');
    }
    drawReverseArrows(frame, slider, path, span);
    if (time < slider.time || time > slider.end + FADE) return;
    const { x, y } = path.at(share);
    const open = ramp(time, slider.time, slider.time + 120);
    context.globalAlpha = shown * 0.8;
    ring(context, x, y, radius * (1 + 0.9 * open), radius * 0.1, mix(item.colour, '#ffffff', 0.4));
    context.globalAlpha = shown;
    disc(context, x, y, radius * 0.82, item.colour);
    ring(context, x, y, radius * 0.82, radius * 0.14, '#fff');
  }

  /** At the end of this span and of the next one, when the ball turns there. The head's shows once the head is hit. */
  function drawReverseArrows({ context, time }: Frame, slider: Slider, path: Path, span: number) {
    for (const turn of [span + 1, span]) {
      if (turn >= slider.spans - 1 || (turn % 2 === 1 && time < slider.time)) continue;
      const { x, y, angle } = path.at(turn % 2 === 0 ? 1 : 0);
      context.save();
      context.translate(x, y);
      context.rotate(turn % 2 === 0 ? angle + Math.PI : angle);
      context.strokeStyle = '#fff';
      context.lineWidth = radius * 0.2;
      context.lineCap = context.lineJoin = 'round';
      context.beginPath();
      for (const [along, across] of [
        [-0.25, -0.48],
        [0.3, 0],
        [-0.25, 0.48],
      ] as const)
        context.lineTo(along * radius, across * radius);
      context.stroke();
      context.restore();
    }
  }
}

const endOf = (object: StandardObject): number => ('end' in object ? object.end : object.time);

const headOf = (object: Hittable): [number, number] =>
  object.kind === 'circle' ? [object.x, object.y] : [object.path[0] ?? 0, object.path[1] ?? 0];

/** The pictures of those bodies that are on the screen; they are large, so the others' are let go at once. */
function createBodies(radius: number) {
  const pictures = new Map<Item, ReturnType<typeof bodyPicture>>();
  let drawnAt = 0;
  return {
    keep(shown: readonly Item[], scale: number) {
      for (const item of pictures.keys()) if (scale !== drawnAt || !shown.includes(item)) pictures.delete(item);
      drawnAt = scale;
    },
    of(item: Item, path: Path) {
      const picture = pictures.get(item) ?? bodyPicture(path, radius, item.colour, drawnAt);
      pictures.set(item, picture);
      return picture;
    },
  };
}

/** Dots from one object to the next of its combo; each is there from `preempt` before the time at which one who goes evenly is at it. */
function createFollowPoints(items: readonly Item[], preempt: number): Draw {
  const pairs = items.flatMap(({ object: from, path }, index) => {
    const to = items[index + 1]?.object;
    if (!to || from.kind === 'spinner' || to.kind === 'spinner' || to.combo === 1) return [];
    const tail = from.kind === 'slider' && path ? path.at(from.spans % 2) : undefined;
    const [x, y] = tail ? [tail.x, tail.y] : headOf(from);
    const [nextX, nextY] = headOf(to);
    const length = Math.hypot(nextX - x, nextY - y);
    return length < 80 ? [] : [{ x, y, dx: nextX - x, dy: nextY - y, length, start: endOf(from), end: to.time }];
  });
  const visible = createVisible(pairs, ({ start, end }) => [start - preempt, end]);

  return ({ context, time }) => {
    for (const { x, y, dx, dy, length, start, end } of visible(time))
      for (let along = 48; along < length - 32; along += 32) {
        const passed = start + ((end - start) * along) / length;
        context.globalAlpha =
          0.55 * ramp(time, passed - preempt, passed - preempt * 0.5) * (1 - ramp(time, passed - 60, passed));
        if (context.globalAlpha > 0) disc(context, x + (dx * along) / length, y + (dy * along) / length, 3, '#fff');
      }
  };
}

function drawSpinner({ context, time, calm }: Frame, { time: start, end }: Spinner): void {
  const done = ramp(time, start, end);
  context.globalAlpha = ramp(time, start - SPINNER_FADE, start) * (1 - ramp(time, end, end + FADE));
  ring(context, 256, 192, 180 - 160 * done, 4, '#8fd3ff');
  ring(context, 256, 192, 184, 3, '#ffffff55');
  context.strokeStyle = '#ffd166';
  context.lineWidth = 10;
  context.lineCap = 'butt';
  context.beginPath();
  context.arc(256, 192, 100, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * done);
  context.stroke();
  const turned = calm ? 0 : ((time - start) / 1000) * 2 * Math.PI * 3;
  for (const arm of [0, 1, 2]) {
    const angle = turned + (arm * 2 * Math.PI) / 3;
    disc(context, 256 + 70 * Math.cos(angle), 192 + 70 * Math.sin(angle), 12, '#ffffffcc');
  }
  disc(context, 256, 192, 14, '#fff');
}
