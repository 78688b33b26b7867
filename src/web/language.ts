import { effect, signal } from '@preact/signals';
import { remembered } from './memory.ts';
import type { Words } from './text/zh.ts';

export type Language = 'zh' | 'en';

const isLanguage = (value: unknown): value is Language => value === 'zh' || value === 'en';

/** The first language of the browser that the page speaks; Chinese where it speaks none. */
const preferred = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'zh';

export const language = remembered<Language>('language', preferred, isLanguage);

const dictionaries = {
  zh: () => import('./text/zh.ts'),
  en: () => import('./text/en.ts'),
};

/** Only the language in use is loaded. It is there before anything is drawn. */
const loaded = signal<Words>((await dictionaries[language.value]()).default);

effect(() => {
  const asked = language.value;
  document.documentElement.lang = asked === 'zh' ? 'zh-CN' : 'en';
  void dictionaries[asked]().then((dictionary) => {
    if (language.value === asked) loaded.value = dictionary.default;
  });
});

/** The words of the page, in the chosen language. Reading it in a component draws that again when the language changes. */
export const words = (): Words => loaded.value;
