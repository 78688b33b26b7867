import type { Composer, Draft } from '../compose.ts';
import { finish, type HitObject } from '../beatmap/hit-objects.ts';
import { scrollSpeeds } from '../scroll.ts';
import { chooseColumns } from './columns.ts';
import { holdNotes, type Note } from './holds.ts';
import { formRows } from './rows.ts';

export const mania: Composer = {
  spaced: false,
  compose(score, plan, knobs, random): Draft {
    const rows = formRows(score, plan, knobs, random);
    const columns = chooseColumns(rows, score, plan, random);
    const notes = rows.flatMap(({ tick }, i) => columns[i]!.map((column): Note => ({ tick, column })));
    holdNotes(notes, score, plan);
    const starts = new Set(plan.hitsounded ? score.structure.sections.map(({ firstBar }) => firstBar) : []);
    const objects = notes.map(({ tick, column, endTime }, i): HitObject => {
      const first = notes[i - 1]?.tick !== tick;
      const sound = first && tick.place === 0 && starts.has(tick.bar) ? finish : 0;
      const x = Math.floor(((column + 0.5) * 512) / plan.cs);
      const head = { x, y: 192, time: tick.time, newCombo: false, sound };
      return endTime === undefined ? { kind: 'circle', ...head } : { kind: 'hold', ...head, endTime };
    });
    const ticks = rows.map(({ tick }) => tick);
    return { objects, speeds: scrollSpeeds(ticks, score, plan, random) };
  },
};
