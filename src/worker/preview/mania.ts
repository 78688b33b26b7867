import type { ManiaObject } from '../../shared/preview.ts';
import type { Beatmap } from '../verify/beatmap.ts';

/** Notes and holds by column. A slider that strayed into the mode is a hold, a spinner one in the first column. */
export const maniaObjects = ({ objects }: Beatmap): ManiaObject[] =>
  objects.map(({ kind, time, end, column }) => ({
    kind: 'note',
    time,
    column: kind === 'spinner' ? 0 : column,
    ...(end > time ? { end } : {}),
  }));
