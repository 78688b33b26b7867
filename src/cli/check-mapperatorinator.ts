import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../shared/config.ts';
import { modelNames } from '../shared/models.ts';
import { modelsOnThisHost } from '../shared/weights.ts';
import { askPython, checkPython, isWithin, repair, setup, type Installed, type Silence } from './check-python.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

const packagesMs = 15_000;
/** The version of the program that this service is written and tested for (2026-07-24). */
const testedCommit = '3b7c69a';

/** The checkout, its Python with its packages, its models and LoRAs; with no checkout, what it takes to have one. */
export async function checkMapperatorinator(config: Config): Promise<Finding[]> {
  const { engine, mapperatorinatorHome: home, huggingFaceHome, loraDir } = config;
  if (engine === 'builtin')
    return [ok('engine', 'ENGINE=builtin: the built-in generator makes the maps, it needs nothing else.')];
  if (home === null) return [await withoutCheckout(config)];
  const checkout = await checkCheckout(home);
  const answer = await askPython<Installed>(
    config,
    checkout.status === 'problem' ? null : home,
    'packages',
    packagesMs,
  );
  const findings = [checkout, ...checkPython(config.python, answer)];
  if (checkout.status === 'problem') return findings;
  return [
    ...findings,
    ...checkRunner(answer),
    ...(await checkModels(home, huggingFaceHome)),
    ...(await checkLoras(loraDir, answer)),
  ];
}

async function withoutCheckout(config: Config): Promise<Finding> {
  if (config.engine === 'mapperatorinator') {
    const detail = 'ENGINE=mapperatorinator needs MAPPERATORINATOR_HOME; without it nothing can be run here.';
    return problem(
      'engine',
      'engine_unavailable',
      detail,
      `Run ${setup}, or set ENGINE=auto for the built-in generator.`,
    );
  }
  const answer = await askPython<Installed>(config, null, 'packages', packagesMs);
  const version = answer && 'python' in answer ? answer.python?.version : undefined;
  const first =
    version !== undefined && isWithin(version, '3.10', null)
      ? `Python ${version} is there`
      : 'install Python 3.10 or newer, and git';
  const detail = 'The built-in generator makes the maps; it needs nothing else.';
  return ok('engine', detail, `To have the model Mapperatorinator too: ${first}, then ${setup}`);
}

async function checkCheckout(home: string): Promise<Finding> {
  const check = 'checkout';
  if (!existsSync(join(home, 'inference.py'))) {
    const detail = `MAPPERATORINATOR_HOME=${home} is no checkout of Mapperatorinator: inference.py is missing there.`;
    return problem(check, 'engine_unavailable', detail, `Set it to one, or make one: ${setup}`);
  }
  const commit = await commitOf(home);
  if (commit?.startsWith(testedCommit)) return ok(check, `${home}, version ${testedCommit}.`);
  const version = commit === null ? 'of an unknown version (it has no .git)' : `version ${commit.slice(0, 7)}`;
  return ok(check, `${home}, ${version}; this service is tested with ${testedCommit}.`);
}

/** The commit of a working tree, from the files of git and without git. Null: it is none. */
async function commitOf(home: string): Promise<string | null> {
  const read = (path: string) =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => null,
    );
  const pointer = /^gitdir: (.+)$/.exec((await read(join(home, '.git'))) ?? '')?.[1];
  const git = resolve(home, pointer ?? '.git');
  const head = await read(join(git, 'HEAD'));
  const ref = /^ref: (\S+)$/.exec(head ?? '')?.[1];
  if (ref === undefined) return head;
  const common = resolve(git, (await read(join(git, 'commondir'))) ?? '.');
  const packed = (await read(join(common, 'packed-refs'))) ?? '';
  const inPack = packed.split('\n').find((line) => line.endsWith(` ${ref}`));
  return (await read(join(common, ref))) ?? inPack?.split(' ')[0] ?? null;
}

/** Null where there was nothing to look at. */
function checkRunner(answer: Partial<Installed> | Silence): Finding[] {
  const missing = 'failed' in answer ? null : answer.runner;
  if (!missing) return [];
  if (missing.length === 0) return [ok('warm runner', 'The checkout has all that it calls: a model is loaded once.')];
  const detail = `This version of the checkout lacks ${missing.join(', ')}: every job loads its model anew.`;
  return [
    warning(
      'warm runner',
      'engine_unknown_version',
      detail,
      `Check out ${testedCommit}, or a later version that has them.`,
    ),
  ];
}

/** Ready ones in one line; those that were never fetched are no fault while another is there. */
async function checkModels(home: string, huggingFaceHome: string | null): Promise<Finding[]> {
  const { models, missing } = await modelsOnThisHost(home, huggingFaceHome);
  const broken = missing.filter(({ state }) => state === 'incomplete');
  const absent = missing.filter(({ state }) => state === 'absent').map(({ model }) => model);
  const findings = broken.map(({ model, detail }) =>
    problem('models', 'model_missing', `${model} cannot be loaded. ${detail}`, `${setup} --models ${model}`),
  );
  if (models.length > 0) {
    const others = absent.length > 0 ? ` Not fetched: ${absent.join(', ')}.` : '';
    findings.unshift(ok('models', `Ready: ${models.join(', ')}.${others}`));
  } else if (broken.length === 0) {
    const best = modelNames.find((name) => absent.includes(name)) ?? absent[0];
    const why = missing.find(({ model }) => model === best)?.detail ?? 'The checkout has no configs/inference/*.yaml.';
    findings.push(
      problem('models', 'model_missing', `None is ready. ${why}`, best ? `${setup} --models ${best}` : setup),
    );
  }
  return findings;
}

/** The entries of LORA_DIR are what a request may name. */
async function checkLoras(folder: string | null, answer: Partial<Installed> | Silence): Promise<Finding[]> {
  if (folder === null) return [];
  const check = 'LoRAs';
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) {
    return [
      problem(
        check,
        'configuration_invalid',
        `LORA_DIR=${folder} is no folder that can be read.`,
        'Set it to the folder that holds them, or unset it.',
      ),
    ];
  }
  const names = entries
    .filter(({ name }) => !name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
  const broken = names.filter((name) => !existsSync(join(folder, name, 'adapter_config.json')));
  if (broken.length > 0) {
    return [
      warning(
        check,
        'lora_incomplete',
        `${broken.join(', ')}: adapter_config.json is missing.`,
        'Put each LoRA in a folder of its own, as peft saves it.',
      ),
    ];
  }
  if (names.length > 0 && !('failed' in answer) && !answer.packages?.['peft']) {
    return [problem(check, 'engine_unavailable', `${names.join(', ')} cannot be used: peft is missing.`, `${repair}.`)];
  }
  return [ok(check, names.length > 0 ? `${names.join(', ')}.` : `${folder} is empty.`)];
}
