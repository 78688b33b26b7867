const name = 'Mapperatorinator';

/** The tab's title: what is going on first, for a tab shows little of it. */
export function setTitle(text: string): void {
  const title = text === '' ? name : `${text} · ${name}`;
  if (document.title !== title) document.title = title;
}
