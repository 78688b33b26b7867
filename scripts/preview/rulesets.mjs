// A preview beside the objects of the ruleset packages of osu-classes' author, ports of the game that share no code with our model but the
// curves of sliders. Where they are known to count otherwise than the game (docs/preview.md), they are made to count as it does.
import { BananaShower, CatchRuleset, JuiceDroplet, JuiceStream, JuiceTinyDroplet } from 'osu-catch-stable';
import { ManiaRuleset } from 'osu-mania-stable';
import { EventGenerator, HitType } from 'osu-classes';
import { BeatmapDecoder } from 'osu-parsers';
import { Slider, SliderTick, Spinner, StandardRuleset } from 'osu-standard-stable';
import { DrumRoll, Swell, TaikoRuleset } from 'osu-taiko-stable';
import { createBall, createDifferences, earlier, scrollOf, sliderTimes } from './samples.mjs';

const rulesets = [StandardRuleset, TaikoRuleset, CatchRuleset, ManiaRuleset];
const compare = [compareStandard, compareTaiko, compareCatch, compareMania];

/** Differences between a preview and the ruleset's own objects of the same text; null for a map that the package does not understand. */
export function againstRuleset(text, preview) {
  const decoded = new BeatmapDecoder().decodeFromString(text, { parseStoryboard: false });
  // Spinners and sliders in mania are what the game makes notes of by chance, the package by their place (docs/preview.md).
  if (preview.mode === 3 && decoded.hitObjects.some(({ hitType }) => hitType & (HitType.Slider | HitType.Spinner)))
    return null;
  // The game has another rule for stacks before format 6 than the package.
  if (preview.mode === 0 && decoded.fileFormat < 6) return null;
  if (!text.includes('SliderMultiplier')) decoded.difficulty.sliderMultiplier = 1.4; // the game's own default
  const map = inWholeMs(() => new rulesets[preview.mode]().applyToBeatmap(decoded));
  const differences = createDifferences();
  // The game adds 24 ms to all times of formats before 5; the packages do not.
  const theirs = decoded.fileFormat < 5 ? earlier(preview, 24) : preview;
  compare[preview.mode](theirs, map, decoded, differences);
  return differences.found;
}

/** The game stacks and strews by times cut to whole ms; the packages go by fractions. */
function inWholeMs(apply) {
  const { generate } = EventGenerator;
  const end = Object.getOwnPropertyDescriptor(Slider.prototype, 'endTime');
  EventGenerator.generate = function* (slider) {
    const cut = slider instanceof JuiceStream ? Math.trunc : (time) => time;
    for (const event of generate.call(EventGenerator, slider)) yield { ...event, startTime: cut(event.startTime) };
  };
  const duration = Object.getOwnPropertyDescriptor(Slider.prototype, 'duration');
  Object.defineProperty(Slider.prototype, 'duration', {
    ...duration,
    get() {
      return end.get.call(this) - this.startTime;
    },
  });
  Object.defineProperty(Slider.prototype, 'endTime', {
    ...end,
    get() {
      return Math.trunc(end.get.call(this));
    },
  });
  try {
    return apply();
  } finally {
    EventGenerator.generate = generate;
    Object.defineProperty(Slider.prototype, 'endTime', end);
    Object.defineProperty(Slider.prototype, 'duration', duration);
  }
}

function compareStandard({ objects, colours, breaks }, map, _decoded, to) {
  // After a break the game begins a combo, and it lets no spinner skip a colour; the package does otherwise.
  const spinner = objects.find(({ kind }) => kind === 'spinner')?.time ?? Infinity;
  const combosUntil = Math.min(spinner, breaks[0]?.[1] ?? Infinity);
  to.same('objects', objects.length, map.hitObjects.length, 0);
  objects.forEach((ours, i) => {
    const theirs = map.hitObjects[i];
    if (!theirs) return;
    to.object();
    to.time(ours.time, theirs.startTime);
    const kind = theirs instanceof Slider ? 'slider' : theirs instanceof Spinner ? 'spinner' : 'circle';
    to.same('kind', ours.kind, kind, ours.time);
    if (kind !== ours.kind) return;
    // The package does not draw a path out whose last anchor is doubled; the game does (slider-paths-edge-case of its tests).
    if (kind === 'slider' && endsTwice(theirs.path)) return;
    if (kind !== 'circle') to.time(ours.end, theirs.endTime);
    if (kind === 'spinner') return;
    const head = theirs.stackedStartPosition;
    if (kind === 'circle') to.place(ours, { x: head.floatX, y: head.floatY });
    if (ours.time < combosUntil) to.same('combo', ours.combo, theirs.currentComboIndex + 1, ours.time);
    if (ours.time < combosUntil)
      to.same('colour', ours.colour, theirs.comboIndexWithOffsets % colours.length, ours.time);
    if (kind === 'slider') compareSlider(ours, theirs, head, to);
  });
}

function endsTwice({ controlPoints, expectedDistance, distance }) {
  const [before, last] = controlPoints.slice(-2);
  return last?.position.equals(before.position) && distance < expectedDistance;
}

function compareSlider(ours, theirs, head, to) {
  const ball = createBall(ours);
  for (const time of sliderTimes(ours)) {
    const progress = Math.min(1, Math.max(0, (time - theirs.startTime) / theirs.duration));
    const at =
      progress === 1 ? theirs.path.positionAt(theirs.spans % 2) : theirs.path.curvePositionAt(progress, theirs.spans);
    to.place(ball(time), { x: head.floatX + at.floatX, y: head.floatY + at.floatY });
  }
  const ticks = theirs.nestedHitObjects.filter((nested) => nested instanceof SliderTick);
  to.same('ticks', ours.ticks.length, ticks.length, ours.time);
  if (ours.ticks.length === ticks.length) ours.ticks.forEach((time, i) => to.time(time, ticks[i].startTime));
}

function compareTaiko(preview, map, decoded, to) {
  const { objects } = preview;
  to.same('objects', objects.length, map.hitObjects.length, 0);
  objects.forEach((ours, i) => {
    const theirs = map.hitObjects[i];
    if (!theirs) return;
    to.object();
    to.time(ours.time, theirs.startTime);
    const kind = theirs instanceof DrumRoll ? 'drumroll' : theirs instanceof Swell ? 'swell' : 'note';
    to.same('kind', ours.kind, kind, ours.time);
    if (kind === 'note') to.same('kat', ours.kat, theirs.isRim, ours.time);
    if (kind !== 'swell') to.same('big', ours.big, theirs.isStrong, ours.time);
    // The package leaves a swell without its end; the decoder has it.
    if (kind !== 'note') to.time(ours.end, kind === 'swell' ? decoded.hitObjects[i].endTime : theirs.endTime);
    const points = map.controlPoints;
    const beat = points.timingPointAt(ours.time).beatLength;
    const speed = Math.min(10, Math.max(0.01, points.effectPointAt(ours.time).scrollSpeedUnlimited));
    compareScroll(preview, ours.time, (100 * decoded.difficulty.sliderMultiplier * speed) / beat, to);
  });
}

/** px that a note is off, a second before it is hit. */
function compareScroll(preview, time, velocity, to) {
  to.place({ x: scrollOf(preview, time) * 1000 }, { x: velocity * 1000 });
}

function compareCatch({ objects }, map, _decoded, to) {
  const nested = map.hitObjects.flatMap((object) =>
    object instanceof JuiceStream || object instanceof BananaShower ? object.nestedHitObjects : [object],
  );
  nested.sort((a, b) => a.startTime - b.startTime);
  const kindOf = (object) =>
    object instanceof JuiceTinyDroplet
      ? 'tiny'
      : object instanceof JuiceDroplet
        ? 'droplet'
        : object.hasHyperDash === undefined || 'index' in object
          ? 'banana'
          : 'fruit';
  to.same('objects', objects.length, nested.length, 0);
  objects.forEach((ours, i) => {
    const theirs = nested[i];
    if (!theirs) return;
    to.object();
    to.time(ours.time, theirs.startTime);
    to.same('kind', ours.kind, kindOf(theirs), ours.time);
    // The package cuts a tiny droplet to the field before it is strewn, the game after.
    const isCut = ours.kind === 'tiny' && (theirs.originalX === 0 || theirs.originalX === 512);
    if (!isCut) to.place({ x: ours.x }, { x: Math.min(512, Math.max(0, theirs.effectiveX)) });
    to.same('hyperdash', ours.hyper ?? false, theirs.hasHyperDash ?? false, ours.time);
  });
}

function compareMania(preview, map, decoded, to) {
  const { objects } = preview;
  const order = (a, b) => a.time - b.time || a.column - b.column;
  const all = map.hitObjects.map((object) => ({ time: object.startTime, end: object.endTime, column: object.column }));
  all.sort(order);
  to.same('objects', objects.length, all.length, 0);
  [...objects].sort(order).forEach((ours, i) => {
    const theirs = all[i];
    if (!theirs) return;
    to.object();
    to.time(ours.time, theirs.time);
    to.same('column', ours.column, theirs.column, ours.time);
    to.time(ours.end ?? ours.time, theirs.end ?? theirs.time);
    const points = map.controlPoints;
    const speed = Math.min(10, Math.max(0.01, points.effectPointAt(ours.time).scrollSpeedUnlimited));
    const beat = points.timingPointAt(ours.time).beatLength;
    compareScroll(preview, ours.time, (100 * decoded.difficulty.sliderMultiplier * speed) / beat, to);
  });
}
