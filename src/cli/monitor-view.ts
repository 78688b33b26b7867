import { styleText } from 'node:util';
import type { CacheStats } from '../shared/cache-stats.ts';

/** How the monitor looks: lines of text, drawn over and over on a terminal, one block after the other elsewhere. */
type Format = Parameters<typeof styleText>[0];
export type Paint = (format: Format, text: string) => string;

export interface Display {
  paint: Paint;
  show(lines: string[]): void;
  leave(): void;
}

/** On a terminal one picture that is drawn over and over, on the second screen; elsewhere one block of lines after the other. */
export function createDisplay(out: NodeJS.WriteStream): Display {
  const plain: Paint = (_format, text) => text;
  if (!out.isTTY || process.env['TERM'] === 'dumb')
    return { paint: plain, show: (lines) => void out.write(`${lines.join('\n')}\n\n`), leave: () => undefined };
  // Second screen, no cursor, no wrapped lines; and all of it back.
  out.write('\u001b[?1049h\u001b[?25l\u001b[?7l');
  return {
    paint: process.env['NO_COLOR'] ? plain : (format, text) => styleText(format, text),
    show(lines) {
      const shown = [...lines, '', '  Ctrl-C ends.'].slice(0, out.rows || undefined);
      out.write(`\u001b[H${shown.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
    },
    leave: () => void out.write('\u001b[?7h\u001b[?25h\u001b[?1049l'),
  };
}

export const titleOf = (head: string, paint: Paint) =>
  `${paint('bold', head)}  ${new Date().toTimeString().slice(0, 8)}`;

export function linesOf(head: string, found: CacheStats, paint: Paint): string[] {
  const { memory, keyspace, families } = found;
  const limited = memory.max > 0;
  const used = limited
    ? `${size(memory.used)} of ${size(memory.max)} (${percent(memory.used / memory.max)})`
    : `${size(memory.used)}, no limit`;
  const full = limited && memory.used > 0.9 * memory.max;
  const reads = keyspace.hits + keyspace.misses;
  const hits =
    keyspace.hit_ratio === null ? 'no read yet' : `${percent(keyspace.hit_ratio)} of ${many(reads, 'read')} by anybody`;
  const fit = found.jobs_that_fit === null ? 'no memory limit' : `${many(found.jobs_that_fit, 'job')} fit`;
  const perJob = found.bytes_per_job === null ? 'no job measured' : `${size(found.bytes_per_job)} measured, ${fit}`;
  const row = (name: string, value: string) => `  ${paint('dim', name.padEnd(12))}  ${value}`;

  const eternal = Object.values(families).reduce((sum, { without_ttl: count }) => sum + count, 0);
  const warnings = [
    ...(found.queue_may_be_evicted
      ? [`maxmemory-policy ${memory.policy} may evict the queue's keys in this Redis; set noeviction on it.`]
      : []),
    ...(eternal > 0
      ? [
          `${many(eternal, 'key')} of those looked at without a TTL: not written by the service, and never removed by time.`,
        ]
      : []),
    ...(found.complete ? [] : ['The look ended before it had seen all keys; there may be more.']),
  ];
  return [
    titleOf(head, paint),
    `Redis ${found.version}, up ${duration(found.uptime_seconds)}`,
    '',
    ...table(families, paint),
    '',
    row('memory', full ? paint('yellow', used) : used),
    row('policy', `${memory.policy}, ${whole(memory.evicted_keys)} evicted`),
    row('hit ratio', hits),
    row('one job', perJob),
    row('server', `${many(found.connected_clients, 'client')}, ${many(found.total_commands_processed, 'command')}`),
    row('database', many(found.db_size, 'key')),
    ...(warnings.length > 0 ? ['', ...warnings.map((line) => `  ${paint('yellow', `! ${line}`)}`)] : []),
  ];
}

/** The first column to the left, numbers to the right, each as wide as its widest. */
function table(families: CacheStats['families'], paint: Paint): string[] {
  const rows = [
    ['family', 'keys', 'memory', 'per key', 'no TTL'],
    ...Object.entries(families).map(([family, { keys, bytes, bytes_per_key, sampled, without_ttl }]) => [
      family,
      whole(keys),
      bytes === null ? '?' : size(bytes),
      bytes_per_key === null ? '–' : size(bytes_per_key),
      sampled === 0 ? '–' : `${without_ttl} of ${sampled}`,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells, i) => {
    const line = cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)));
    return `  ${i === 0 ? paint('dim', line.join('   ')) : line.join('   ')}`;
  });
}

export const whole = (value: number) => value.toLocaleString('en-US');
export const many = (count: number, thing: string) => `${whole(count)} ${thing}${count === 1 ? '' : 's'}`;
const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;

function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? whole(bytes) : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

function duration(seconds: number): string {
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
