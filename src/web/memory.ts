import { signal, type Signal } from '@preact/signals';

/**
 * A value that this browser remembers. Another tab that changes it changes it here. Where nothing may be stored (private windows,
 * a full store) it lives as long as the page.
 */
export function remembered<T>(name: string, initial: T, isValid: (value: unknown) => value is T): Signal<T> {
  const key = `mapperatorinator:${name}`;
  const parse = (text: string | null): T => {
    try {
      const value: unknown = JSON.parse(text ?? 'null');
      return isValid(value) ? value : initial;
    } catch {
      return initial;
    }
  };
  const read = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  let stored = read();
  const value = signal(parse(stored));
  value.subscribe((next) => {
    const text = JSON.stringify(next);
    if (text === (stored ?? JSON.stringify(initial))) return;
    stored = text;
    try {
      localStorage.setItem(key, text);
    } catch {
      // Not remembered, and nothing else is lost.
    }
  });
  addEventListener('storage', (event) => {
    if (event.key !== key && event.key !== null) return;
    stored = event.newValue;
    value.value = parse(stored);
  });
  return value;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
