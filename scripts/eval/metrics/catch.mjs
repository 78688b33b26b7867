// What is measured in osu!catch: the catcher's moves from one fruit or droplet to the next.
import { median, quantile, share } from '../numbers.mjs';

const walkSpeed = 0.5;
const dashSpeed = 1;
/** A quarter of a frame at 60 frames a second, which the game allows for, ms. */
const frameSlack = 1000 / 60 / 4;

/** How much of the plate catches. */
const catching = 0.8;

/** Half of the catcher's plate, px (the game's own rule). */
const halfPlate = (cs) => (106.75 * (1 - (0.7 * (cs - 5)) / 5)) / 2;

/** Figures of a catch chart. */
export function measureCatch(chart) {
  const fruits = fruitsOf(chart);
  const moves = movesOf(fruits, halfPlate(chart.cs));
  const speeds = moves.map(({ distance, ms }) => distance / ms);
  const x = fruits.map((fruit) => fruit.x);
  return {
    fruitsPerSecond: fruits.length / (chart.drainMs / 1000),
    sliderShare: share(chart.objects, ({ kind }) => kind === 'slider'),
    spinners: chart.objects.filter(({ kind }) => kind === 'spinner').length,
    catchSpeed: median(speeds),
    catchSpeedP90: quantile(speeds, 0.9),
    dashShare: share(moves, ({ kind }) => kind === 'dash'),
    hyperShare: share(moves, ({ kind }) => kind === 'hyper'),
    hyperRun: longest(moves, 'hyper'),
    catchable: catchable(fruits, moves, catching * halfPlate(chart.cs)),
    xLow: quantile(x, 0.01),
    xHigh: quantile(x, 0.99),
    xInside: x.every((value) => value >= -0.5 && value <= 512.5),
    xRange: (quantile(x, 0.99) - quantile(x, 0.01)) / 512,
    turnShare: share(
      moves.slice(1),
      (move, i) => Math.sign(move.delta) !== Math.sign(moves[i].delta) && move.distance > 8,
    ),
  };
}

/** What must be caught, in order: fruits, droplets, reverses and slider ends as { time, x }; tiny droplets and bananas are not. */
function fruitsOf({ objects, tickRate, grid }) {
  const fruits = objects.flatMap((object) => {
    if (object.kind === 'spinner') return [];
    if (object.kind === 'circle') return [{ time: object.time, x: object.x }];
    const { time, spans, spanMs, along } = object;
    const tickMs = grid.at(time).beatMs / tickRate;
    const ticks = [];
    // The game leaves out ticks within 10 ms of the end.
    for (let at = tickMs; at < spanMs - 10 && ticks.length < 200; at += tickMs) ticks.push(at);
    return Array.from({ length: spans }, (_, span) => {
      const inSpan = ticks.map((at) => {
        const from = span % 2 ? spanMs - at : at;
        return { time: time + span * spanMs + from, x: along(at / spanMs).x };
      });
      const end = { time: time + (span + 1) * spanMs, x: along(span % 2 ? 0 : 1).x };
      return [...inSpan.sort((a, b) => a.time - b.time), end];
    }).reduce((all, part) => [...all, ...part], [{ time, x: object.x }]);
  });
  return fruits.sort((a, b) => a.time - b.time);
}

/**
 * Walk, dash or hyper for each pair of neighbours, with the game's rule: what is left of a dash goes on into the next move of the same
 * direction (the game's own rule).
 */
function movesOf(fruits, half) {
  let [direction, room] = [0, half];
  return fruits.slice(1).map((to, i) => {
    const from = fruits[i];
    const delta = to.x - from.x;
    const distance = Math.abs(delta);
    const ms = Math.max(1, to.time - from.time);
    const now = delta > 0 ? 1 : -1;
    const toHyper = ms - frameSlack - (distance - (direction === now ? room : half));
    room = toHyper < 0 ? half : Math.min(half, Math.max(0, toHyper));
    direction = now;
    const kind = toHyper < 0 ? 'hyper' : distance - catching * half > walkSpeed * ms ? 'dash' : 'walk';
    return { delta, distance, ms, kind };
  });
}

function longest(moves, wanted) {
  let [best, row] = [0, 0];
  for (const { kind } of moves) {
    row = kind === wanted ? row + 1 : 0;
    best = Math.max(best, row);
  }
  return best;
}

/** Whether a player who knows the map catches all: the places where the plate can be never run out. */
function catchable(fruits, moves, reach) {
  let places = [0, 512];
  return fruits.every((fruit, i) => {
    const move = moves[i - 1];
    if (move?.kind === 'hyper') places = [fruit.x - reach, fruit.x + reach];
    else if (move) places = [places[0] - dashSpeed * move.ms, places[1] + dashSpeed * move.ms];
    places = [Math.max(places[0], fruit.x - reach), Math.min(places[1], fruit.x + reach)];
    return places[0] <= places[1];
  });
}
