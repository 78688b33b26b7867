import { useEffect, useRef, useState } from 'preact/hooks';
import { place, type Place } from './address.ts';
import { Announcer } from './announce.tsx';
import { History } from './history.tsx';
import { Job } from './job/job.tsx';
import { language, words } from './language.ts';
import { Operator } from './operator.tsx';
import { ServiceErrorBox } from './parts.tsx';
import { asServiceError, ask, readSession, session, sessionProblem, type ServiceError } from './service.ts';
import { Submit } from './submit/submit.tsx';
import { theme, themes } from './theme.ts';

void readSession();

export function App() {
  const t = words();
  const here = place.value;
  return (
    <>
      <a class="skip" href="#main">
        {t.skip}
      </a>
      <Header here={here} />
      <main id="main" tabIndex={-1}>
        <View here={here} />
      </main>
      <footer>
        <p>
          {t.notRankable}{' '}
          <a href="https://osu.ppy.sh/wiki/Ranking_criteria" rel="noreferrer noopener" target="_blank">
            {t.rankingCriteria}
          </a>
        </p>
        <p>{t.service}</p>
      </footer>
      <Announcer />
    </>
  );
}

function View({ here }: { here: Place }) {
  const known = session.value;
  // Who moves to another view hears and reads it from its heading on.
  const where = here.view === 'job' ? here.id : here.view;
  const last = useRef(where);
  useEffect(() => {
    if (where === last.current) return;
    last.current = where;
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
  }, [where]);
  // A shared link needs no key.
  const isShared = here.view === 'job' && here.share !== null;
  if (!isShared) {
    if (!known) return sessionProblem.value && <ServiceErrorBox error={sessionProblem.value} />;
    if (known.needed && !known.client) return <SignIn />;
  }
  switch (here.view) {
    case 'submit':
      return <Submit key={here.from ?? ''} from={here.from} />;
    case 'history':
      return <History />;
    case 'operator':
      return <Operator />;
    case 'job':
      return <Job key={`${here.id} ${here.share}`} id={here.id} share={here.share} />;
  }
}

function Header({ here }: { here: Place }) {
  const t = words();
  const known = session.value;
  const link = (view: Place['view'], href: string, text: string) => (
    <a href={href} aria-current={here.view === view ? 'page' : undefined}>
      {text}
    </a>
  );
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="16" r="14" />
          <circle cx="16" cy="16" r="8" class="dot" />
        </svg>
        <span>Mapperatorinator</span>
      </a>
      <nav aria-label={t.navigation}>
        {link('submit', '/', t.makeMap)}
        {link('history', '/?history', t.history)}
        {known?.client?.admin && link('operator', '/?operator', t.operator)}
      </nav>
      <div class="preferences">
        <button
          type="button"
          class="button quiet"
          lang={language.value === 'zh' ? 'en' : 'zh-CN'}
          onClick={() => (language.value = language.value === 'zh' ? 'en' : 'zh')}
        >
          {language.value === 'zh' ? 'English' : '中文'}
        </button>
        <button
          type="button"
          class="button quiet"
          aria-label={`${t.theme}: ${t.themes[theme.value]}`}
          onClick={() => (theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system')}
        >
          <span aria-hidden="true">{{ system: '◐', light: '○', dark: '●' }[theme.value]}</span>
        </button>
        {known?.needed && known.client && (
          <button type="button" class="button quiet sign-out" onClick={() => void signOut()}>
            {t.signOut}
          </button>
        )}
      </div>
    </header>
  );
}

async function signOut() {
  await ask('DELETE', '/session').catch(() => undefined); // what it could not end is told by the next look
  await readSession();
}

function SignIn() {
  const t = words();
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState<ServiceError | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await ask('POST', '/session', { key });
      await readSession();
    } catch (error) {
      setProblem(asServiceError(error));
    }
    setBusy(false);
  };
  return (
    <form class="card sign-in" onSubmit={(event) => void send(event)}>
      <h1 tabIndex={-1}>{t.signIn}</h1>
      <p>{t.signInLead}</p>
      <label class="field">
        <span class="label">{t.key}</span>
        <input
          type="password"
          autocomplete="current-password"
          required
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      {problem && <ServiceErrorBox error={problem} />}
      <button class="button primary" disabled={busy}>
        {t.signIn}
      </button>
    </form>
  );
}
