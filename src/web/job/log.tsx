import { useEffect, useRef, useState } from 'preact/hooks';
import { words } from '../language.ts';
import { CopyButton } from '../parts.tsx';
import { keptLines, type Watch } from './watch.ts';

/** The engine's own words, the last 500 lines. A screen reader reads them when asked to, and is not told of each. */
export function Log({ watch, isOpen }: { watch: Watch; isOpen: boolean }) {
  const t = words();
  const [filter, setFilter] = useState('');
  const [follows, setFollows] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const wanted = filter.trim().toLowerCase();
  const all = watch.lines.value;
  const lines = wanted === '' ? all : all.filter(({ text }) => text.toLowerCase().includes(wanted));
  useEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.at(-1)?.id, follows]);
  // Who scrolls up reads: the log stays there until it is at its end again.
  const lastTop = useRef(0);
  const onScroll = () => {
    const { scrollTop, clientHeight, scrollHeight } = box.current ?? { scrollTop: 0, clientHeight: 0, scrollHeight: 0 };
    if (scrollTop < lastTop.current) setFollows(false);
    if (scrollTop + clientHeight >= scrollHeight - 24) setFollows(true);
    lastTop.current = scrollTop;
  };
  return (
    <details class="card log" open={isOpen}>
      <summary>
        {t.log} <span class="small">{t.lines(all.length, keptLines)}</span>
      </summary>
      <div class="log-tools">
        <label class="field-inline">
          <span>{t.filter}</span>
          <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <label class="check">
          <input type="checkbox" checked={follows} onChange={(event) => setFollows(event.currentTarget.checked)} />
          <span>{t.follow}</span>
        </label>
        <CopyButton label={t.copy} text={() => lines.map(({ text }) => text).join('\n')} />
      </div>
      <div
        ref={box}
        class="log-lines"
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={t.log}
        lang="en"
        onScroll={onScroll}
      >
        {lines.map(({ id, text }) => (
          <div key={id}>{text}</div>
        ))}
      </div>
    </details>
  );
}
