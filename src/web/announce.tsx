import { signal } from '@preact/signals';

const said = signal('');

/** Tells a screen reader something that happened elsewhere on the page, once. */
export function announce(text: string): void {
  said.value = text;
}

export const Announcer = () => (
  <p class="unseen" aria-live="polite" role="status">
    {said.value}
  </p>
);
