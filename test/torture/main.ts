import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Fault, playControl, playRound } from './campaign.ts';
import { FAULTS } from './faults.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, '.cache/torture');
const STATE = join(CACHE, 'state.json');
const HELP = `npm run torture -- [CAMPAIGN …] [--cycles N] [--seed N] [--fault TEXT] [--resume]

Plays the faults of a release, each with the control that must be noticed. Campaigns: ${[...new Set(FAULTS.map(({ campaign }) => campaign))].join(' ')} (all).
  --cycles N    of each fault; else as many as a release asks for
  --seed N      else the time of day; printed, and kept for --resume
  --fault TEXT  only faults with this text in their names
  --resume      goes on where the last run was stopped, with its seed and its cycles
Results: .cache/torture/state.json. Exit code 1: something was lost, a control was not noticed, or a fault cannot be played here.`;

interface Result {
  cycles: number;
  checked: number;
  problems: string[];
  /** Problems that the control met; undefined where it has not been played. */
  control?: number;
  unavailable?: string;
}

interface State {
  seed: number;
  cycles?: number;
  results: { [fault: string]: Result };
}

const PROBLEMS_KEPT = 20;

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      cycles: { type: 'string' },
      seed: { type: 'string' },
      fault: { type: 'string' },
      resume: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = FAULTS.filter(
    ({ campaign, name }) =>
      (positionals.length === 0 || positionals.includes(campaign)) &&
      name.includes(values.fault ?? ''),
  );
  const unknown = positionals.filter((word) => !FAULTS.some(({ campaign }) => campaign === word));
  if (unknown.length > 0 || chosen.length === 0) {
    console.error(`There is no campaign or fault of that name: ${unknown.join(' ')}\n\n${HELP}`);
    return 2;
  }
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, stdio: 'inherit' });
  const state = values.resume ? load() : begin(values.seed, values.cycles);
  console.log(`seed ${state.seed}; ${versions()}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      console.log('stopped; go on with --resume');
      process.exit(130);
    });
  for (const fault of chosen) await runFault(fault, state);
  return summary(chosen, state);
}

function begin(seed: string | undefined, cycles: string | undefined): State {
  const number = (name: string, text: string) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new Error(`--${name} is a whole number, not ${JSON.stringify(text)}.`);
  };
  return {
    seed: seed === undefined ? Date.now() % 1_000_000_000 : number('seed', seed),
    ...(cycles === undefined ? {} : { cycles: number('cycles', cycles) }),
    results: {},
  };
}

function load(): State {
  if (!existsSync(STATE)) throw new Error(`There is nothing to resume: ${STATE} is not there.`);
  return JSON.parse(readFileSync(STATE, 'utf8')) as State;
}

function save(state: State): void {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${STATE}.tmp`, JSON.stringify(state, null, 1));
  renameSync(`${STATE}.tmp`, STATE);
}

function versions(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT });
  return `millrace ${version} (${commit.toString().trim()}), Node ${process.version}, Linux ${release()}`;
}

const keyOf = ({ campaign, name }: Fault): string => `${campaign} ${name}`;

async function runFault(fault: Fault, state: State): Promise<void> {
  const key = keyOf(fault);
  state.results[key] ??= { cycles: 0, checked: 0, problems: [] };
  const result = state.results[key];
  const reason = fault.unavailable?.();
  if (reason !== undefined) {
    result.unavailable = reason;
    console.log(`${key}: CANNOT BE PLAYED HERE: ${reason}`);
    save(state);
    return;
  }
  const target =
    typeof fault.cycles === 'number' ? (state.cycles ?? fault.cycles) : await fault.cycles();
  const options = { seed: state.seed, root: join(CACHE, 'rounds') };
  if (result.control === undefined) {
    const control = { ...options, first: 0, cycles: Math.min(fault.batch, target) };
    const { problems } = await playControl(fault, control);
    result.control = problems.length;
    const verdict = problems.length > 0 ? `noticed: ${problems[0]}` : 'NOT NOTICED';
    console.log(`${key}: control '${fault.control.name}' ${verdict}`);
    save(state);
  }
  while (result.cycles < target) {
    const cycles = Math.min(fault.batch, target - result.cycles);
    const { problems, checked } = await playRound(fault, {
      ...options,
      first: result.cycles,
      cycles,
    });
    for (const problem of problems) console.log(`${key}: cycle ${result.cycles}: ${problem}`);
    result.cycles += cycles;
    result.checked += checked;
    result.problems = [...result.problems, ...problems].slice(0, PROBLEMS_KEPT);
    save(state);
  }
  console.log(
    `${key}: ${result.cycles} cycles, ${result.checked} checked, ${result.problems.length} problems`,
  );
}

function summary(faults: readonly Fault[], state: State): number {
  let failed = 0;
  console.log(`\n| fault | cycles | checked | problems | control noticed |\n|---|---|---|---|---|`);
  for (const fault of faults) {
    const result = state.results[keyOf(fault)];
    const isWell = result && result.problems.length === 0 && (result.control ?? 0) > 0;
    if (!isWell) failed += 1;
    const cells = result?.unavailable
      ? ['0', '0', result.unavailable, 'no']
      : [result?.cycles, result?.checked, result?.problems.length, result?.control ? 'yes' : 'NO'];
    console.log(`| ${keyOf(fault)} | ${cells.join(' | ')} |`);
  }
  console.log(
    `\nseed ${state.seed}: ${failed === 0 ? 'nothing lost' : `${failed} of ${faults.length} rows are not well`}`,
  );
  return failed === 0 ? 0 : 1;
}
