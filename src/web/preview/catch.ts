import type { CatchObject, Preview } from '../../shared/preview.ts';
import { disc, type Draw, type Frame, legible, mix, objectRadius, preemptMs, ramp, ring } from './drawing.ts';
import { createPlate } from './plate.ts';
import { createVisible } from './visible.ts';

/** How high above the plate an object comes up, osu! pixels. */
const FALL = 340;
/** How long a caught one takes to vanish, ms. */
const CAUGHT = 140;
const HYPER = '#ff4d5e';
const BANANA = '#ffe14d';
/** Sizes against a circle of the same circle size. */
const SIZES = { fruit: 0.86, droplet: 0.42, tiny: 0.22, banana: 0.7 };

interface Item {
  object: CatchObject;
  shape: Path2D;
  colour: string;
}

/** Catch: everything falls at one speed and is caught where the plate is at its time. */
export function createCatch(preview: Preview, objects: readonly CatchObject[]): Draw {
  const { circle_size: circleSize, approach_rate: approachRate } = preview.settings;
  const radius = objectRadius(circleSize);
  const preempt = preemptMs(approachRate);
  const plate = createPlate(objects);
  const shapes = createShapes();
  let fruits = 0;
  const colours = preview.colours.map(legible);
  const items = objects.map((object): Item => {
    const fruit = object.kind === 'fruit' ? shapes.fruits[fruits++ % shapes.fruits.length] : undefined;
    const colour = object.kind === 'banana' ? BANANA : colours[object.colour];
    return { object, shape: fruit ?? shapes[object.kind === 'banana' ? 'banana' : 'drop'], colour: colour ?? '#fff' };
  });
  // Above the field is some room of the canvas, in which an object is seen before it is due.
  const visible = createVisible(items, ({ object }) => [object.time - preempt * 1.3, object.time + CAUGHT]);

  return (frame) => {
    const { context, time, width, height } = frame;
    const scale = Math.min(width / 560, height / 430);
    context.translate((width - 512 * scale) / 2, height - 60 * scale);
    context.scale(scale, scale);
    context.fillStyle = '#ffffff10';
    context.fillRect(-24, 36, 560, 2);
    for (const item of visible(time).reverse()) drawFalling(frame, item);
    drawPlate(frame);
  };

  function drawFalling({ context, time, calm }: Frame, { object, shape, colour }: Item) {
    const caught = ramp(time, object.time, object.time + CAUGHT);
    const size = radius * SIZES[object.kind] * (1 - caught * 0.5);
    context.save();
    context.globalAlpha = (1 - caught) * ramp(time, object.time - preempt * 1.3, object.time - preempt);
    const y = caught > 0 ? -10 * caught : ((time - object.time) / preempt) * FALL;
    context.translate(object.x, y);
    if (object.hyper) ring(context, 0, 0, size * 1.22, size * 0.2, HYPER);
    if (object.kind === 'banana' && !calm) context.rotate(Math.sin(object.x + time / 180) * 0.5);
    context.scale(size, size);
    context.fillStyle = colour;
    context.fill(shape);
    if (object.kind !== 'tiny') {
      context.lineWidth = 0.1;
      context.strokeStyle = mix(colour, '#ffffff', 0.7);
      context.stroke(shape);
    }
    if (object.kind === 'fruit') {
      context.fillStyle = '#7bd069';
      context.fill(shapes.leaf);
    }
    context.restore();
  }

  /** As wide as what counts as caught. */
  function drawPlate({ context, time }: Frame) {
    const { x, hyper } = plate(time);
    const half = (106.75 * (1 - (0.7 * (circleSize - 5)) / 5) * 0.8) / 2;
    const colour = hyper ? HYPER : '#e8e8f4';
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(x - half, 8, half * 2, 8, 4);
    context.fill();
    context.fillStyle = hyper ? HYPER : '#9a9ab4';
    context.beginPath();
    context.moveTo(x - half * 0.55, 16);
    context.lineTo(x + half * 0.55, 16);
    context.lineTo(x + half * 0.16, 36);
    context.lineTo(x - half * 0.16, 36);
    context.fill();
    disc(context, x, 12, 3, hyper ? '#fff' : '#5d5d78');
  }
}

/** All within a radius of 1. */
function createShapes() {
  const apple = new Path2D('M0-.7C.5-1.05 1-.7 1-.05S.5 1 0 .9-1 .6-1-.05-.5-1.05 0-.7z');
  const pear = new Path2D('M0-1C.4-1 .4-.5 .6-.1 1 .6 .6 1 0 1S-1 .6-.6-.1C-.4-.5-.4-1 0-1z');
  const orange = new Path2D();
  orange.arc(0, 0, 0.95, 0, 2 * Math.PI);
  const grape = new Path2D(
    'M0 1C-.3 1-.4 .7-.4 .6-.7 .6-.8 .3-.7 .1-1 0-1-.5-.7-.6-.5-.9-.2-.9 0-.7 .2-.9 .5-.9 .7-.6 1-.5 1 0 .7 .1 .8 .3 .7 .6 .4 .6 .4 .7 .3 1 0 1z',
  );
  return {
    fruits: [apple, pear, orange, grape],
    leaf: new Path2D('M0-.6C0-1 .3-1.15 .6-1.1 .5-.8 .3-.65 0-.6z'),
    drop: new Path2D('M0-1C.3-.5 .8-.1 .8 .3S.4 1 0 1-.8 .7-.8 .3-.3-.5 0-1z'),
    banana: new Path2D('M-.7-.8C-.9 .3-.2 1 .9 .8 1 .6 .9 .5 .8 .45 .2 .5-.3 .1-.45-.8-.5-.95-.65-.95-.7-.8z'),
  };
}
