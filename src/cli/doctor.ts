import { parse as parseDotenv, config as loadDotenv } from 'dotenv';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, parseConfig, variables, type Config } from '../shared/config.ts';
import { checkDevices } from './check-devices.ts';
import { checkDataFolder, checkEnvFile, checkFfmpeg, checkNode, checkPort } from './check-host.ts';
import { checkMapperatorinator } from './check-mapperatorinator.ts';
import { checkRedis } from './check-redis.ts';
import { problem, type Finding } from './finding.ts';
import { UsageError } from './procfile.ts';

const usage = `Looks at this host as the service would, changes nothing, and says what to do.

  npm run doctor                       one line for each thing: ok, warning, or problem with its code
  npm run --silent doctor -- --json    the same as one JSON document

Ends with 0, or with 1 when there is a problem.
`;

function readWish(args: string[]) {
  try {
    const options = { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`);
  }
}

/** The configuration, and a finding for each variable that is wrong, in whose place the default is taken. */
function readConfig(env: Record<string, string | undefined>): { config: Config; findings: Finding[] } {
  try {
    return { config: parseConfig(env), findings: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split('\n').slice(1);
    const wrong = lines.map((line) => line.slice(0, line.indexOf(':')));
    const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.includes(name)));
    const findings = lines.map((line) =>
      problem(
        'configuration',
        'configuration_invalid',
        `${line}.`,
        'The service does not start until it is corrected in the environment or in .env.',
      ),
    );
    return { config: parseConfig(rest), findings };
  }
}

/** All checks at once, in the order of the page. */
async function examine(): Promise<Finding[]> {
  loadDotenv({ quiet: true });
  const { config, findings } = readConfig(process.env);
  const { mapperatorinatorHome: home, engine } = config;
  const withModel = engine !== 'builtin' && home !== null && existsSync(join(home, 'inference.py'));
  const parts = await Promise.all([
    checkEnvFile(variables, parseDotenv),
    checkDataFolder(config),
    checkPort(config),
    checkRedis(config),
    checkFfmpeg(config, withModel),
    checkMapperatorinator(config),
    ...(withModel ? [checkDevices(config, home)] : []),
  ]);
  return [checkNode(process.version), ...findings, ...parts.flat()];
}

function print(all: Finding[]) {
  const paint = process.stdout.isTTY && !process.env['NO_COLOR'];
  const color = { ok: 32, warning: 33, problem: 31 };
  for (const { check, status, code, detail, remedy } of all) {
    const word = status.padEnd(8);
    const mark = paint ? `\u001b[${color[status]}m${word}\u001b[0m` : word;
    const text = [code === null ? detail : `${code}: ${detail}`, ...(remedy === null ? [] : [`→ ${remedy}`])].join(' ');
    process.stdout.write(`${mark} ${check.padEnd(13)} ${text}\n`);
  }
  const count = (status: Finding['status']) => all.filter((finding) => finding.status === status).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  process.stdout.write(
    `\n${problems} problem${problems === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.\n`,
  );
}

async function main(args: string[]): Promise<number> {
  const wish = readWish(args);
  if (wish.help) {
    process.stdout.write(usage);
    return 0;
  }
  const findings = await examine();
  const sick = findings.some(({ status }) => status === 'problem');
  if (wish.json) process.stdout.write(`${JSON.stringify({ status: sick ? 'problem' : 'ok', findings }, null, 2)}\n`);
  else print(findings);
  return sick ? 1 : 0;
}

try {
  process.exit(await main(process.argv.slice(2))); // ioredis lingers for two seconds over a connection that was refused
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
