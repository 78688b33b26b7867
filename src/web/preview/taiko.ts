import type { Preview, TaikoObject } from '../../shared/preview.ts';
import { disc, type Draw, type Frame, ramp, ring } from './drawing.ts';
import { createScroll } from './scroll.ts';
import { createVisible, itemAt } from './visible.ts';

const DON = '#eb5545';
const KAT = '#4aa8d8';
const ROLL = '#f5b82e';
const SWELL = '#b889f4';
/** Radius of a note and of a big one, in units: the lane is 200 high. */
const NOTE = 36;
const BIG = 54;
/** Where notes are hit. */
const TARGET = 190;
/** Notes scroll this much faster than a slider's ball of the same velocity (osu! wiki, Slider velocity). */
const TAIKO_PACE = 1.4;
/** The slowest that a note may be to be seen long before its time, units per ms; below, it only comes later. */
const SLOWEST = 0.02;
/** How long a hit note flies, ms. */
const FLIGHT = 220;

interface Item {
  object: TaikoObject;
  /** Units per ms. */
  velocity: number;
}

/** Taiko: notes come from the right, each as fast as its time says, and are hit where the ring is. */
export function createTaiko(preview: Preview, objects: readonly TaikoObject[]): Draw {
  const { velocity } = createScroll(preview);
  const paceAt = (time: number) => velocity(time) * TAIKO_PACE;
  const items = objects.map((object): Item => ({ object, velocity: paceAt(object.time) }));
  const barlines = preview.barlines.map((time) => ({ time, velocity: paceAt(time) }));
  const notes = objects.filter((object) => object.kind === 'note');
  let reach = 0;
  let visible: (time: number) => Item[];
  let visibleBars: (time: number) => typeof barlines;

  /** What is seen depends on how wide the lane is. */
  function fit(lane: number) {
    if (lane === reach) return;
    reach = lane;
    const ahead = (pace: number) => (lane + BIG) / Math.max(SLOWEST, pace);
    const behind = (pace: number) => (TARGET + BIG) / Math.max(SLOWEST, pace);
    visible = createVisible(items, ({ object, velocity: pace }) => [
      object.time - ahead(pace),
      object.kind === 'drumroll'
        ? object.end + behind(pace)
        : object.kind === 'swell'
          ? object.end
          : object.time + FLIGHT,
    ]);
    visibleBars = createVisible(barlines, ({ time, velocity: pace }) => [time - ahead(pace), time + behind(pace)]);
  }

  return (frame) => {
    const { context, time, width, height } = frame;
    const unit = Math.min(height / 200, width / 620);
    const lane = width / unit;
    fit(lane);
    context.translate(0, (height - 200 * unit) / 2);
    context.scale(unit, unit);
    context.fillStyle = '#1d1d29';
    context.fillRect(0, 20, lane, 160);
    for (const bar of visibleBars(time)) {
      context.fillStyle = '#ffffff40';
      context.fillRect(TARGET + (bar.time - time) * bar.velocity - 1, 20, 2, 160);
    }
    disc(context, TARGET, 100, NOTE * 0.5, '#ffffff12');
    ring(context, TARGET, 100, NOTE, 3, '#ffffff80');
    ring(context, TARGET, 100, BIG, 2, '#ffffff30');
    const shown = visible(time).reverse();
    for (const item of shown) if (item.object.kind === 'drumroll' || time < item.object.time) drawItem(frame, item);
    for (const { object } of shown)
      if (object.kind === 'swell' && time >= object.time) drawSwell(frame, TARGET, object);
    drawDrum(
      frame,
      itemAt(notes, (note) => note.time, time),
    );
    for (const { object } of shown) if (object.kind === 'note' && time >= object.time) drawFlight(frame, object);
  };
}

function drawItem({ context, time }: Frame, { object, velocity }: Item): void {
  const x = TARGET + (object.time - time) * velocity;
  if (object.kind === 'note') drawNote(context, x, 100, object);
  else if (object.kind === 'swell') {
    disc(context, x, 100, BIG * 0.9, SWELL);
    ring(context, x, 100, BIG * 0.9, 6, '#fff');
    ring(context, x, 100, BIG * 0.5, 6, '#fff');
  } else {
    const radius = object.big ? BIG : NOTE;
    const length = (object.end - object.time) * velocity;
    context.lineCap = 'round';
    for (const [width, colour] of [
      [radius * 2, '#fff'],
      [radius * 2 - 10, ROLL],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x, 100);
      context.lineTo(x + Math.max(0.1, length), 100);
      context.stroke();
    }
    ring(context, x, 100, radius * 0.55, 5, '#ffffffb0');
  }
}

/** A don is round with a dot; a kat has six corners and a hollow: told apart without colours too. */
function drawNote(context: CanvasRenderingContext2D, x: number, y: number, note: { kat: boolean; big: boolean }): void {
  const radius = note.big ? BIG : NOTE;
  const border = radius * 0.14;
  if (!note.kat) {
    disc(context, x, y, radius - border / 2, DON);
    ring(context, x, y, radius - border / 2, border, '#fff');
    disc(context, x, y, radius * 0.3, '#fff');
    return;
  }
  context.beginPath();
  for (let corner = 0; corner < 6; corner++) {
    const angle = (corner * Math.PI) / 3;
    context.lineTo(x + (radius + 1) * Math.cos(angle), y + (radius + 1) * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = KAT;
  context.strokeStyle = '#fff';
  context.lineWidth = border;
  context.lineJoin = 'round';
  context.fill();
  context.stroke();
  ring(context, x, y, radius * 0.42, radius * 0.16, '#fff');
}

/** From the target up and away. */
function drawFlight({ context, time, calm }: Frame, note: Extract<TaikoObject, { kind: 'note' }>): void {
  const flown = ramp(time, note.time, note.time + FLIGHT);
  context.globalAlpha = 1 - flown;
  if (calm) drawNote(context, TARGET, 100, note);
  else drawNote(context, TARGET + 90 * flown, 100 - 150 * flown + 60 * flown ** 2, note);
  ring(context, TARGET, 100, (note.big ? BIG : NOTE) * (1 + (calm ? 0 : 0.4 * flown)), 4, note.kat ? KAT : DON);
  context.globalAlpha = 1;
}

function drawSwell({ context, time }: Frame, x: number, swell: { time: number; end: number }): void {
  const done = ramp(time, swell.time, swell.end);
  ring(context, x, 100, BIG * (1.7 - 0.8 * done), 4, SWELL);
  disc(context, x, 100, BIG * 0.9, SWELL);
  context.strokeStyle = '#fff';
  context.lineWidth = 8;
  context.lineCap = 'butt';
  context.beginPath();
  context.arc(x, 100, BIG * 0.6, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * done);
  context.stroke();
}

/** The drum at the left shows what was struck last: its skin for a don, its rim for a kat. */
function drawDrum({ context, time }: Frame, last: { time: number; kat: boolean; big: boolean } | undefined): void {
  context.fillStyle = '#262635';
  context.fillRect(0, 20, 120, 160);
  disc(context, 60, 100, 46, '#3a3a4d');
  ring(context, 60, 100, 46, 8, '#55556b');
  const struck = last ? 1 - ramp(time, last.time, last.time + 160) : 0;
  if (!last || time < last.time || struck === 0) return;
  context.globalAlpha = struck;
  if (last.kat) ring(context, 60, 100, 46, 9, KAT);
  else disc(context, 60, 100, 40, DON);
  context.globalAlpha = 1;
}
