import { Command, CommanderError } from 'commander';
import { asMillraceError } from '../core/errors.ts';
import { doctorCommand } from './doctor.ts';
import { importCommand } from './import.ts';
import { initCommand } from './init.ts';
import { keysCommand } from './keys.ts';
import { createOutput } from './output.ts';
import { planCommand } from './plan.ts';
import { queryCommand } from './query.ts';
import { replayCommand } from './replay.ts';
import { runCommand } from './run.ts';
import { devCommand, startCommand } from './run-pipeline.ts';
import { sendCommand } from './send.ts';
import { statusCommand } from './status.ts';
import { typesCommand } from './types.ts';
import { packageVersion } from './version.ts';

const VERBS = [
  initCommand,
  devCommand,
  startCommand,
  planCommand,
  importCommand,
  sendCommand,
  queryCommand,
  runCommand,
  replayCommand,
  statusCommand,
  keysCommand,
  typesCommand,
  doctorCommand,
];

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('millrace')
    .description('The whole analytics pipeline in one typed file and one command.')
    .version(packageVersion())
    .showHelpAfterError('(see `millrace --help`)')
    .exitOverride();
  for (const verb of VERBS)
    program.addCommand(verb().exitOverride().showHelpAfterError('(see --help)'));
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said already what is wrong with the words.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    createOutput(argv.includes('--json')).fail(asMillraceError(error, 'MR_INTERNAL'));
    return 1;
  }
}
