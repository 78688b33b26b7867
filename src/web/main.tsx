import { render } from 'preact';
import { followLinks } from './address.ts';
import { App } from './app.tsx';
import './style/base.css';
import './style/frame.css';
import './style/controls.css';
import './style/job.css';
import './style/lists.css';
import './style/marks.css';
import './style/submit.css';
import './theme.ts';

followLinks();
// A file that is dropped beside its place does not replace the page.
for (const type of ['dragover', 'drop']) addEventListener(type, (event) => event.preventDefault());
render(<App />, document.body);
