import { useRef, useState } from 'preact/hooks';
import { words } from '../language.ts';
import { forAnySong, presets, readSettings, type Settings } from './settings.ts';

/** Settings to keep under a name, to take along as a file, and to bring back. */
export function Presets({ settings, replace }: { settings: Settings; replace: (settings: Settings) => void }) {
  const t = words();
  const [name, setName] = useState('');
  const [said, setSaid] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const known = presets.value;
  function save() {
    const called = name.trim();
    if (called === '') return;
    const rest = known.filter((preset) => preset.name !== called);
    presets.value = [...rest, { name: called, settings: forAnySong(settings) }];
    setName('');
    setSaid(t.presetSaved(called));
  }
  async function load(input: HTMLInputElement) {
    const text = await input.files?.[0]?.text();
    input.value = '';
    if (text === undefined) return;
    try {
      replace(readSettings(text));
      setSaid(t.imported);
    } catch {
      setSaid(t.notImported);
    }
  }
  return (
    <details class="group">
      <summary>{t.presets}</summary>
      <div class="presets">
        {known.length === 0 && <p class="hint">{t.noPresets}</p>}
        <ul class="plain chips">
          {known.map((preset) => (
            <li key={preset.name}>
              <button type="button" class="button" onClick={() => replace(preset.settings)}>
                {preset.name}
              </button>
              <button
                type="button"
                class="button quiet"
                aria-label={t.deletePreset(preset.name)}
                onClick={() => (presets.value = known.filter((one) => one !== preset))}
              >
                ✕
              </button>
            </li>
          ))}
        </ul>
        <div class="inline-form">
          <label class="field">
            <span class="label">{t.presetName}</span>
            <input
              value={name}
              maxLength={60}
              onInput={(event) => setName(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return;
                event.preventDefault();
                save();
              }}
            />
          </label>
          <button type="button" class="button" onClick={save}>
            {t.savePreset}
          </button>
        </div>
        <div class="inline-form">
          <button type="button" class="button quiet" onClick={() => exportSettings(settings)}>
            {t.export}
          </button>
          <button type="button" class="button quiet" onClick={() => file.current?.click()}>
            {t.import}
          </button>
          <input
            ref={file}
            type="file"
            accept=".json,application/json"
            hidden
            onChange={(event) => void load(event.currentTarget)}
          />
        </div>
        <p class="hint" role="status">
          {said}
        </p>
      </div>
    </details>
  );
}

function exportSettings(settings: Settings) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(settings, null, 2)], { type: 'application/json' }));
  link.download = 'mapperatorinator-settings.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
