import type { ModelLimit } from '../../shared/model-limits.ts';
import type { FieldProblem } from '../../shared/problems.ts';
import { plain } from '../format.ts';
import { words } from '../language.ts';
import { Descriptors } from './descriptors.tsx';
import { listOf, modeOf, textOf, type Settings } from './settings.ts';

export interface FieldProps {
  name: string;
  limit: ModelLimit;
  settings: Settings;
  set: (changes: Settings) => void;
  /** What the model does on its own; null: not known. */
  own: unknown;
  problem: FieldProblem | undefined;
}

/** One parameter, with the control that fits what it takes. */
export function Field(props: FieldProps) {
  const { name, limit, settings } = props;
  if (name === 'negative_descriptors') return null; // chosen together with the others
  if (name === 'descriptors') return <Descriptors {...props} mode={modeOf(settings)} />;
  if (limit.type === 'array') return <Choices {...props} />;
  const label = labelOf(name);
  const id = `field-${name}`;
  const described = [`${id}-hint`, ...(props.problem ? [`${id}-problem`] : [])].join(' ');
  return (
    <div class="field">
      <label for={id} class="label">
        {label}
      </label>
      <Control {...props} id={id} described={described} />
      <p class="hint" id={`${id}-hint`}>
        {[hintOf(name), rangeOf(limit)].filter(Boolean).join(' · ')}
      </p>
      <Problem {...props} />
    </div>
  );
}

function Control({
  name,
  limit,
  settings,
  set,
  own,
  problem,
  id,
  described,
}: FieldProps & { id: string; described: string }) {
  const t = words();
  const value = textOf(settings, name);
  const common = { id, 'aria-describedby': described, 'aria-invalid': problem !== undefined };
  const options = limit.type === 'boolean' ? ['true', 'false'] : limit.enum?.map(String);
  if (options) {
    return (
      <select {...common} value={value} onChange={(event) => set({ [name]: event.currentTarget.value })}>
        <option value="">{t.ownValue(ownText(own ?? limit.default))}</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {optionText(option)}
          </option>
        ))}
      </select>
    );
  }
  const isNumber = limit.type !== 'string';
  return (
    <input
      {...common}
      type="text"
      inputMode={
        !isNumber ? 'text' : (limit.minimum ?? 0) < 0 ? 'text' : limit.type === 'integer' ? 'numeric' : 'decimal'
      }
      autocomplete="off"
      placeholder={ownText(own)}
      maxLength={limit.maxLength}
      value={value}
      onInput={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
}

/** Several of a few words, such as what is taken from a beatmap. */
function Choices({ name, limit, settings, set, problem }: FieldProps) {
  const chosen = listOf(settings, name);
  const toggle = (item: string, on: boolean) =>
    set({ [name]: on ? [...chosen, item] : chosen.filter((one) => one !== item) });
  const id = `field-${name}`;
  return (
    <fieldset class="field" aria-describedby={`${id}-hint`}>
      <legend class="label">{labelOf(name)}</legend>
      <div class="checks">
        {limit.enum?.map(String).map((item, i) => (
          <label key={item} class="check">
            <input
              id={i === 0 ? id : undefined}
              type="checkbox"
              aria-invalid={problem !== undefined}
              checked={chosen.includes(item)}
              onChange={(event) => toggle(item, event.currentTarget.checked)}
            />
            <span>{optionText(item)}</span>
          </label>
        ))}
      </div>
      <p class="hint" id={`${id}-hint`}>
        {hintOf(name)}
      </p>
      <Problem name={name} limit={limit} problem={problem} />
    </fieldset>
  );
}

/** What is wrong with a field, at the field. */
export function Problem({
  name,
  limit,
  problem,
}: {
  name: string;
  limit?: ModelLimit | undefined;
  problem: FieldProblem | undefined;
}) {
  if (!problem) return null;
  const t = words();
  const known: Record<string, string | undefined> = t.fieldProblems;
  const range = limit && rangeOf(limit);
  const text = known[problem.code] ?? t.fieldProblems.invalid_value;
  return (
    <p class="field-problem" id={`field-${name}-problem`}>
      {text}
      {problem.code === 'invalid_value' && range ? ` ${range}` : ''}
      {problem.detail !== '' && <span lang="en"> ({problem.detail})</span>}
    </p>
  );
}

export function labelOf(name: string): string {
  const known: Record<string, string | undefined> = words().fields;
  return known[name] ?? name;
}
function hintOf(name: string): string {
  const known: Record<string, string | undefined> = words().hints;
  return known[name] ?? '';
}
function optionText(option: string): string {
  const known: Record<string, string | undefined> = words().options;
  return known[option] ?? option;
}

function ownText(own: unknown): string {
  if (typeof own === 'boolean') return optionText(String(own));
  if (typeof own === 'number' || typeof own === 'string') return String(own);
  return '';
}

/** What is taken, short: "0–10". */
function rangeOf({ minimum, maximum, type }: ModelLimit): string {
  if ((type !== 'number' && type !== 'integer') || minimum === undefined || maximum === undefined) return '';
  return maximum > 1_000_000 ? `≥\u00a0${plain(minimum)}` : `${plain(minimum)}\u00a0–\u00a0${plain(maximum)}`;
}
