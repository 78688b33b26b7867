import { computed, signal } from '@preact/signals';

/** Where the page is. One document: going somewhere changes the address and nothing is loaded. */

export type Place =
  | { view: 'submit'; from: string | null }
  | { view: 'history' }
  | { view: 'operator' }
  | { view: 'job'; id: string; share: string | null };

const address = signal(location.href);

function placeOf(href: string): Place {
  const { pathname, searchParams } = new URL(href);
  const id = /^\/jobs\/([^/]+)\/?$/.exec(pathname)?.[1];
  if (id !== undefined) return { view: 'job', id, share: searchParams.get('share') };
  if (searchParams.has('operator')) return { view: 'operator' };
  if (searchParams.has('history')) return { view: 'history' };
  return { view: 'submit', from: searchParams.get('from') };
}

export const place = computed(() => placeOf(address.value));

/** Goes to an address of this page. */
export function go(path: string): void {
  history.pushState(null, '', path);
  address.value = location.href;
  scrollTo(0, 0);
}

/** Makes the links of the page stay on it; what is meant for another tab or for the disk is left to the browser. */
export function followLinks(): void {
  addEventListener('popstate', () => (address.value = location.href));
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (!/^\/(jobs\/[^/]+\/?)?$/.test(link.pathname) || link.hash !== '') return;
    event.preventDefault();
    go(link.href);
  });
}
