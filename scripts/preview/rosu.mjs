// The parts of a preview counted, beside the highest combo that rosu-pp (a port of the game in Rust) finds in the text: one slider tick or
// droplet too many or too few shows here. Mania's combo counts time held, which a preview does not list.
import { createDifferences } from './samples.mjs';

const count = [
  ({ kind, spans, ticks }) => (kind === 'slider' ? spans + 1 + ticks.length : 1),
  ({ kind }) => (kind === 'note' ? 1 : 0),
  ({ kind }) => (kind === 'fruit' || kind === 'droplet' ? 1 : 0),
];

/** Differences in the highest combo; null for mania. */
export function againstRosu({ mode, objects, max_combo }) {
  if (mode === 3) return null;
  const to = createDifferences();
  to.object();
  to.same(
    'combo',
    objects.reduce((sum, object) => sum + count[mode](object), 0),
    max_combo,
    0,
  );
  return to.found;
}
