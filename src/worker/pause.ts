import type { Jobs } from '../shared/jobs.ts';

const lookEveryMs = 500;

export type Pause = ReturnType<typeof watchPause>;

/** Whether this worker is to begin no job, as the data folder says, looked at twice a second. What cannot be read changes nothing. */
export function watchPause(jobs: Jobs) {
  const listeners: (() => void)[] = [];
  let on = false;

  async function look() {
    const isPaused = await jobs.isPaused();
    if (isPaused === on) return;
    on = isPaused;
    for (const listener of listeners) listener();
  }

  const looks = () => void look().catch(() => undefined);
  looks();
  setInterval(looks, lookEveryMs).unref();
  return { isOn: () => on, onChange: (listener: () => void) => void listeners.push(listener) };
}
