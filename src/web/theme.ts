import { effect } from '@preact/signals';
import { remembered } from './memory.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export const theme = remembered<Theme>('theme', 'system', (value): value is Theme =>
  (themes as readonly unknown[]).includes(value),
);

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});
