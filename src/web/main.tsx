import { render } from 'preact';
import { followLinks } from './address.ts';
import { App } from './app.tsx';
import './style/base.css';
import './style/controls.css';
import './style/job.css';
import './style/lists.css';
import './style/marks.css';
import './style/submit.css';
import './theme.ts';

followLinks();
render(<App />, document.body);
