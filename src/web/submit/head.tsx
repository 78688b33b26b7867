import type { FieldProblem } from '../../shared/problems.ts';
import { words } from '../language.ts';
import type { ModelDetails } from '../service.ts';
import { Problem } from './field.tsx';
import { modeOf, textOf, type Settings } from './settings.ts';
import type { Offer } from './submit.tsx';

interface HeadProps {
  offer: Offer;
  details: ModelDetails | null;
  settings: Settings;
  set: (changes: Settings) => void;
  problems: FieldProblem[];
}

const allModes = [0, 1, 2, 3];

/** What decides most: the mode, the stars and who makes the map. */
export function Head({ offer, details, settings, set, problems }: HeadProps) {
  const t = words();
  const mode = modeOf(settings);
  const model = textOf(settings, 'model');
  const stars = textOf(settings, 'difficulty');
  const modes = details?.gamemodes ?? allModes;
  const problemOf = (name: string) => problems.find(({ field }) => field === name);
  return (
    <section class="card head">
      <h2 class="unseen">{t.whichMap}</h2>
      <fieldset class="field modes">
        <legend class="label">{t.mode}</legend>
        <div class="segments">
          {allModes.map((one) => (
            <label key={one} class="segment">
              <input
                type="radio"
                name="gamemode"
                disabled={!modes.includes(one)}
                checked={mode === one}
                onChange={() => set({ gamemode: String(one) })}
              />
              <span>{t.modes[one]}</span>
            </label>
          ))}
        </div>
        <Problem name="gamemode" problem={problemOf('gamemode')} />
      </fieldset>
      <div class="field stars">
        <label class="label" for="field-difficulty">
          {t.stars} <span class="level">{t.level(Number(stars) || 0)}</span>
        </label>
        <div class="stars-row">
          <input
            type="range"
            min={0.5}
            max={10}
            step={0.1}
            aria-label={t.stars}
            aria-valuetext={`${stars}★ ${t.level(Number(stars) || 0)}`}
            value={Number(stars) || 5}
            onInput={(event) => set({ difficulty: event.currentTarget.value })}
          />
          <input
            id="field-difficulty"
            type="text"
            inputMode="decimal"
            aria-describedby="field-difficulty-problem"
            aria-invalid={problemOf('difficulty') !== undefined}
            value={stars}
            onInput={(event) => set({ difficulty: event.currentTarget.value })}
          />
        </div>
        <Problem name="difficulty" limit={details?.limits['difficulty']} problem={problemOf('difficulty')} />
      </div>
      <div class="field">
        <label class="label" for="field-model">
          {t.model}
        </label>
        <select
          id="field-model"
          aria-describedby="field-model-hint field-model-problem"
          aria-invalid={problemOf('model') !== undefined}
          value={model}
          onChange={(event) => set({ model: event.currentTarget.value })}
        >
          <option value="">{t.bestModel(offer.best)}</option>
          {offer.models.map(({ name, available }) => (
            <option key={name} value={name} disabled={!available && name !== model}>
              {t.modelName(name, available)}
            </option>
          ))}
        </select>
        <p class="hint" id="field-model-hint">
          {t.modelHint(details?.engine ?? 'builtin')}
        </p>
        <Problem name="model" problem={problemOf('model')} />
      </div>
    </section>
  );
}
