import { useState } from 'preact/hooks';
import { words } from '../language.ts';
import { labelOf, Problem, type FieldProps } from './field.tsx';
import { choicesOf, listOf } from './settings.ts';

/** Words for a style: each is wanted, unwanted, or neither. A press goes to the next of the three. */
export function Descriptors({ name, limit, settings, set, problem, mode }: FieldProps & { mode: number }) {
  const t = words();
  const [filter, setFilter] = useState('');
  const wanted = listOf(settings, 'descriptors');
  const unwanted = listOf(settings, 'negative_descriptors');
  const wantedText = filter.trim().toLowerCase();
  const names = choicesOf(limit, mode).filter((one) => one.toLowerCase().includes(wantedText));
  const groups = new Map<string, string[]>();
  for (const one of names) {
    const group = one.includes('/') ? one.slice(0, one.indexOf('/')) : '';
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  const without = (list: string[], one: string) => list.filter((item) => item !== one);
  function next(one: string) {
    if (wanted.includes(one)) set({ descriptors: without(wanted, one), negative_descriptors: [...unwanted, one] });
    else if (unwanted.includes(one)) set({ negative_descriptors: without(unwanted, one) });
    else set({ descriptors: [...wanted, one] });
  }
  const count = wanted.length + unwanted.length;
  return (
    <fieldset class="field wide" aria-describedby="field-descriptors-hint">
      <legend class="label">{labelOf(name)}</legend>
      <p class="hint" id="field-descriptors-hint">
        {t.hints.descriptors}
      </p>
      <div class="descriptor-tools">
        <label class="field-inline">
          <span>{t.filter}</span>
          <input
            id="field-descriptors"
            type="search"
            aria-invalid={problem !== undefined}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          class="button quiet"
          disabled={count === 0}
          onClick={() => set({ descriptors: [], negative_descriptors: [] })}
        >
          {t.clear(count)}
        </button>
      </div>
      <div class="descriptors" tabIndex={0} role="group" aria-label={labelOf(name)}>
        {[...groups].map(([group, members]) => (
          <div key={group} class="descriptor-group">
            {group !== '' && <p class="small">{group}</p>}
            {members.map((one) => {
              const state = wanted.includes(one) ? 'wanted' : unwanted.includes(one) ? 'unwanted' : 'neither';
              const short = one.slice(one.indexOf('/') + 1).trim();
              return (
                <button
                  key={one}
                  type="button"
                  class={`chip ${state}`}
                  aria-label={`${short}: ${t.descriptorStates[state]}`}
                  onClick={() => next(one)}
                >
                  <span aria-hidden="true">{{ wanted: '+ ', unwanted: '− ', neither: '' }[state]}</span>
                  {short}
                </button>
              );
            })}
          </div>
        ))}
      </div>
      <Problem name={name} problem={problem} />
    </fieldset>
  );
}
