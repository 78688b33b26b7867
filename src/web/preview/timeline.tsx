import { useEffect, useRef } from 'preact/hooks';
import type { Preview } from '../../shared/preview.ts';
import { fitCanvas } from './canvas.ts';
import type { Playback } from './playback.ts';
import { clockText, type Words } from './words.ts';

const STEP = 5000;
const PAGE = 15_000;

interface Props {
  preview: Preview;
  playback: Playback;
  words: Words;
}

/** The whole song: how dense it is, each object, breaks and kiai, what has been played. A slider for pointers, keys and screen readers. */
export function Timeline({ preview, playback, words }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  /** Where the pointer is, CSS pixels from the left. */
  const pointer = useRef<number | null>(null);
  const length = playback.length.value;
  const at = playback.second.value * 1000;

  useEffect(() => {
    if (!canvas.current) return;
    const fitted = fitCanvas(canvas.current, playback.redraw);
    let map: OffscreenCanvas | undefined;
    const stop = playback.onFrame((time) => {
      const { context, width, height, density, resized } = fitted.begin();
      if (width === 0) return;
      if (!map || resized) map = drawMap(preview, length, { width, height, density });
      context.drawImage(map, 0, 0, width, height);
      const x = (Math.max(0, time) / length) * width;
      context.fillStyle = '#ff66ab2e';
      context.fillRect(0, 0, x, height);
      context.fillStyle = '#ff7ab8';
      context.fillRect(x - 1, 0, 3, height);
      if (pointer.current !== null) drawPointer(context, pointer.current, width, height, length);
    });
    return () => {
      stop();
      fitted.release();
    };
  }, [preview, playback, length]);

  const timeUnder = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    pointer.current = Math.min(width, Math.max(0, event.clientX - left));
    playback.redraw();
    return (pointer.current / width) * length;
  };

  return (
    <div
      class="preview-timeline"
      role="slider"
      tabIndex={0}
      aria-label={words.timeline}
      aria-valuemin={0}
      aria-valuemax={Math.round(length / 1000)}
      aria-valuenow={playback.second.value}
      aria-valuetext={words.of(clockText(at), clockText(length))}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        playback.seek(timeUnder(event));
      }}
      onPointerMove={(event) => {
        const time = timeUnder(event);
        if (event.currentTarget.hasPointerCapture(event.pointerId)) playback.seek(time);
      }}
      onPointerLeave={() => {
        pointer.current = null;
        playback.redraw();
      }}
      onKeyDown={(event) => {
        const time = keyTarget(event.key, playback.time(), length);
        if (time === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        playback.seek(time);
      }}
    >
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

/** Where a key of a slider leads to. */
function keyTarget(key: string, time: number, length: number): number | undefined {
  const targets: Record<string, number> = {
    ArrowLeft: time - STEP,
    ArrowDown: time - STEP,
    ArrowRight: time + STEP,
    ArrowUp: time + STEP,
    PageDown: time - PAGE,
    PageUp: time + PAGE,
    Home: 0,
    End: length,
  };
  return targets[key];
}

/** What does not change while the song plays. */
function drawMap(preview: Preview, length: number, size: { width: number; height: number; density: number }) {
  const { width, height, density } = size;
  const image = new OffscreenCanvas(Math.ceil(width * density), Math.ceil(height * density));
  const context = image.getContext('2d');
  if (!context) return image;
  context.scale(density, density);
  const place = (time: number) => (time / length) * width;
  const fill = (spans: readonly [number, number][], colour: string, top: number, tall: number) => {
    context.fillStyle = colour;
    for (const [start, end] of spans) context.fillRect(place(start), top, Math.max(1, place(end) - place(start)), tall);
  };
  fill(preview.kiai, '#ffb02e30', 0, height);
  fill(preview.kiai, '#ffb02e', 0, 3);
  fill(preview.breaks, '#7a7a9440', 0, height);
  fill(preview.breaks, '#7a7a94', height - 3, 3);
  const most = Math.max(1, ...preview.density);
  // A bar is never narrower than two pixels, so that a long song's do not blur into one.
  const seconds = Math.max(1, Math.ceil(2 / Math.max(0.01, place(1000))));
  context.fillStyle = '#a9b4ff';
  for (let second = 0; second < preview.density.length; second += seconds) {
    const densest = Math.max(...preview.density.slice(second, second + seconds));
    const tall = (densest / most) * (height - 12);
    const from = place(second * 1000);
    context.fillRect(from, height - 4 - tall, Math.max(1, place((second + seconds) * 1000) - from - 0.5), tall);
  }
  const spans = preview.objects.map((object): [number, number] => [
    object.time,
    ('end' in object && object.end) || object.time,
  ]);
  fill(spans, '#ffffff9c', height - 4, 4);
  return image;
}

function drawPointer(
  context: CanvasRenderingContext2D,
  x: number,
  width: number,
  height: number,
  length: number,
): void {
  context.fillStyle = '#ffffffb0';
  context.fillRect(x, 0, 1, height);
  const text = clockText((x / width) * length);
  context.font = '600 12px system-ui, sans-serif';
  context.textBaseline = 'top';
  context.textAlign = 'left';
  const wide = context.measureText(text).width + 8;
  const left = Math.min(width - wide, Math.max(0, x - wide / 2));
  context.fillStyle = '#000000c0';
  context.fillRect(left, 0, wide, 17);
  context.fillStyle = '#fff';
  context.fillText(text, left + 4, 3);
}
