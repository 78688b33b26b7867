import type { ManiaObject, Preview } from '../../shared/preview.ts';
import { type Draw, type Frame, mix, ramp } from './drawing.ts';
import { createScroll } from './scroll.ts';
import { createVisible, firstIndex } from './visible.ts';

const OUTER = '#e9ecf5';
const INNER = '#5fb4ff';
const MIDDLE = '#ffcf5a';
/** How long a key stays lit, ms. */
const LIGHT = 140;
/** How far down the field notes are hit. */
const JUDGEMENT = 0.86;

/** Mania: notes fall in columns, all at the speed of the moment, and are hit at the line. */
export function createMania(preview: Preview, objects: readonly ManiaObject[]): Draw {
  const keys = Math.max(1, preview.settings.keys);
  const scroll = createScroll(preview);
  const columns = Array.from({ length: keys }, (_, column) => ({
    colour: colourOf(column, keys),
    notes: objects.filter((object) => object.column === column),
  }));
  let fall = 0;
  let visible: (time: number) => ManiaObject[];
  let visibleBars: (time: number) => number[];

  /** When a note is first seen depends on the speed that was chosen. */
  function fit(fallMs: number) {
    if (fall === fallMs) return;
    fall = fallMs;
    const appears = (time: number) => scroll.timeAt(scroll.covered(time) - fallMs * 1.05);
    visible = createVisible(objects, (note) => [appears(note.time), note.end ?? note.time]);
    visibleBars = createVisible(preview.barlines, (time) => [appears(time), time + fallMs * 0.2]);
  }

  return (frame) => {
    const { context, time, width, height, fallMs } = frame;
    fit(fallMs);
    const column = Math.min(74, (width * 0.96) / keys);
    const line = height * JUDGEMENT;
    const now = scroll.covered(time);
    const depth = (at: number) => line - ((scroll.covered(at) - now) / fallMs) * line;
    const stage = { column, line, noteHeight: Math.min(22, column * 0.36), depth };
    context.translate((width - column * keys) / 2, 0);
    columns.forEach(({ colour, notes }, index) => drawColumn(frame, stage, index, colour, keyLight(notes, time)));
    context.fillStyle = '#ffffff26';
    for (const bar of visibleBars(time)) context.fillRect(0, depth(bar) - 0.5, column * keys, 1);
    context.fillStyle = '#ffffffb0';
    context.fillRect(0, line - 1, column * keys, 3);
    for (const note of visible(time)) drawNote(frame, stage, note, columns[note.column]?.colour ?? OUTER);
  };
}

interface Stage {
  /** How wide a column is. */
  column: number;
  /** How far down the line is. */
  line: number;
  noteHeight: number;
  /** How far down a time is. */
  depth(time: number): number;
}

/** Columns mirror at the middle, which has a colour of its own when there is one. */
function colourOf(column: number, keys: number): string {
  if (keys % 2 === 1 && column === (keys - 1) / 2) return MIDDLE;
  return Math.min(column, keys - 1 - column) % 2 === 0 ? OUTER : INNER;
}

/** 1 while a hold is held or right at a hit, then fading. */
function keyLight(notes: readonly ManiaObject[], time: number): number {
  const last = notes[firstIndex(notes.length, (index) => (notes[index]?.time ?? 0) > time) - 1];
  return last ? 1 - ramp(time, last.end ?? last.time, (last.end ?? last.time) + LIGHT) : 0;
}

function drawColumn({ context, height }: Frame, stage: Stage, index: number, colour: string, light: number): void {
  const x = index * stage.column;
  context.fillStyle = index % 2 === 0 ? '#1b1b26' : '#20202d';
  context.fillRect(x, 0, stage.column, height);
  context.fillStyle = '#ffffff14';
  context.fillRect(x, 0, 1, height);
  if (light > 0) {
    const glow = context.createLinearGradient(0, stage.line - height * 0.45, 0, stage.line);
    glow.addColorStop(0, `${colour}00`);
    glow.addColorStop(1, `${colour}4d`);
    context.globalAlpha = light;
    context.fillStyle = glow;
    context.fillRect(x, stage.line - height * 0.45, stage.column, height * 0.45);
    context.globalAlpha = 1;
  }
  context.fillStyle = mix('#2b2b3b', colour, 0.15 + 0.75 * light);
  context.beginPath();
  context.roundRect(x + 3, stage.line + 8, stage.column - 6, height - stage.line - 14, 5);
  context.fill();
}

function drawNote({ context, time }: Frame, stage: Stage, note: ManiaObject, colour: string): void {
  const x = note.column * stage.column + 2;
  const width = stage.column - 4;
  // A hold's head stays on the line while it is held.
  const head = note.time < time ? stage.line : stage.depth(note.time);
  if (note.end !== undefined) {
    const tail = stage.depth(note.end);
    context.fillStyle = mix('#1b1b26', colour, note.time <= time ? 0.7 : 0.45);
    context.fillRect(x + width * 0.12, tail, width * 0.76, head - tail);
    const cap = stage.noteHeight * 0.6;
    bar(context, x + width * 0.06, tail - cap, width * 0.88, cap, mix(colour, '#1b1b26', 0.25));
  }
  bar(context, x, head - stage.noteHeight, width, stage.noteHeight, colour);
}

function bar(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, colour: string) {
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(5, height / 2));
  context.fill();
}
