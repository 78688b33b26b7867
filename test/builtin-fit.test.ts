import { expect, test } from 'vitest';
import type { Knobs } from '../src/worker/engines/builtin/compose.ts';
import { fitStars } from '../src/worker/engines/builtin/fit.ts';

/** Stars as a smooth function of the knobs, with how often it was asked. */
function counted(stars: (knobs: Knobs) => number) {
  const asked: Knobs[] = [];
  const measure = (knobs: Knobs) => {
    asked.push(knobs);
    return stars(knobs);
  };
  return { asked, measure };
}

test.each([1.5, 2.2, 3, 4.1, 5, 6])(
  '%f stars are met within 0.02 in at most seven maps where spacing moves them',
  (target) => {
    const { asked, measure } = counted(({ density, spacing }) => target * density ** 0.8 * (0.97 * spacing) ** 0.4);
    const { stars } = fitStars(target, true, measure);
    expect(Math.abs(stars - target)).toBeLessThanOrEqual(0.02);
    expect(asked.length).toBeLessThanOrEqual(7);
    expect(asked.every(({ density }) => density === 1)).toBe(true);
  },
);

test('where the usual density has no room, one beside it is taken', () => {
  const { measure } = counted(({ density, spacing }) => 4 * density * Math.min(1.1, spacing ** 0.3));
  const { knobs, stars } = fitStars(4.8, true, measure);
  expect(knobs.density).toBeCloseTo(1.12);
  expect(Math.abs(stars - 4.8)).toBeLessThanOrEqual(0.02);
});

test('stars that grow in steps are met from the density and the trim together', () => {
  const { measure } = counted(({ density, spacing }) => Math.round(3 * density) + 0.3 * spacing * density);
  expect(Math.abs(fitStars(4.4, false, measure).stars - 4.4)).toBeLessThanOrEqual(0.05);
});

test.each([true, false])('out of reach gives the nearest map that was seen (spaced: %s)', (spaced) => {
  const { asked, measure } = counted(({ density }) => Math.min(2, density));
  const { stars } = fitStars(9, spaced, measure);
  expect(stars).toBe(Math.max(...asked.map(({ density }) => Math.min(2, density))));
  expect(asked.length).toBeLessThanOrEqual(60);
});
