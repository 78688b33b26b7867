import { language } from './language.ts';

/** Numbers and times in the words of the chosen language. */

const locale = () => (language.value === 'zh' ? 'zh-CN' : 'en');

export const number = (value: number, digits = 0): string =>
  value.toLocaleString(locale(), { minimumFractionDigits: 0, maximumFractionDigits: digits });

/** Without marks between thousands, as it is typed: years, ids, limits. */
export const plain = (value: number): string =>
  value.toLocaleString(locale(), { maximumFractionDigits: 3, useGrouping: false });

/** 1536 → 1.5 KB. */
export function bytes(count: number): string {
  if (count < 1024 * 1024) return `${number(Math.max(0.1, count / 1024), 1)} KB`;
  return `${number(count / 1024 / 1024, 1)} MB`;
}

/** A length as players show it: 3:07. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** A place in the song as the editor shows it: 01:23:456. */
export function editorTime(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${two(whole / 60_000)}:${two((whole % 60_000) / 1000)}:${String(whole % 1000).padStart(3, '0')}`;
}

export const dateTime = (iso: string): string =>
  new Date(iso).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' });

/** How far a time is from now, in the largest unit that says something: "in 29 days", "3 minutes ago". */
export function fromNow(iso: string): string {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const;
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? (['second', 1] as const);
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

/** A wait in words that are no more exact than it is: seconds by fives up to a minute and a half, then minutes. */
export function wait(from: number, to: number): { from: number; to: number; unit: 'second' | 'minute' | 'hour' } {
  if (to <= 90) return { from: Math.floor(from / 5) * 5, to: Math.max(5, Math.ceil(to / 5) * 5), unit: 'second' };
  if (to <= 5400) return { from: Math.floor(from / 60), to: Math.ceil(to / 60), unit: 'minute' };
  return { from: Math.floor(from / 3600), to: Math.ceil(to / 3600), unit: 'hour' };
}
