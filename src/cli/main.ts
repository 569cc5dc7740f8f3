import { Command, CommanderError } from 'commander';
import type { ErrorCode } from '../core/error-codes.ts';
import { asMillraceError } from '../core/errors.ts';
import { packageVersion } from '../core/package-version.ts';
import { createOutput } from './output.ts';

/** Each verb in the order of the help; a verb's file is loaded when it is called: `dev` is ready sooner so. */
const VERBS: { readonly [name: string]: () => Promise<() => Command> } = {
  init: async () => (await import('./init.ts')).initCommand,
  dev: async () => (await import('./run-pipeline.ts')).devCommand,
  start: async () => (await import('./run-pipeline.ts')).startCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  import: async () => (await import('./import.ts')).importCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  query: async () => (await import('./query.ts')).queryCommand,
  run: async () => (await import('./run.ts')).runCommand,
  redrive: async () => (await import('./redrive.ts')).redriveCommand,
  reshard: async () => (await import('./reshard.ts')).reshardCommand,
  compact: async () => (await import('./compact.ts')).compactCommand,
  expire: async () => (await import('./expire.ts')).expireCommand,
  rollback: async () => (await import('./rollback.ts')).rollbackCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  drop: async () => (await import('./drop.ts')).dropCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  keys: async () => (await import('./keys.ts')).keysCommand,
  users: async () => (await import('./users.ts')).usersCommand,
  types: async () => (await import('./types.ts')).typesCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
};

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  // `millrace query … | head`: a reader that has enough is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  const program = new Command('millrace')
    .description('The whole analytics pipeline in one typed file and one command.')
    .version(packageVersion())
    .showHelpAfterError('(see `millrace --help`)')
    .exitOverride();
  const called = VERBS[argv[2] ?? ''];
  for (const load of called ? [called] : Object.values(VERBS)) {
    program.addCommand(strict((await load())()));
  }
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said already what is wrong with the words.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      createOutput(argv.includes('--json')).event(usageEvent(error));
      return 2;
    }
    createOutput(argv.includes('--json')).fail(asMillraceError(error, 'MR_INTERNAL'));
    return 1;
  }
}

/** Commander has said it to people; programs get it too. */
function usageEvent({ message }: CommanderError): object {
  const text = message.replace(/^error: /, '');
  return { event: 'error', code: 'MR_COMMAND_USAGE' satisfies ErrorCode, message: text };
}

/** The words below a verb too: wrong ones end with 2, not with commander's own 1. */
function strict(command: Command): Command {
  for (const below of command.commands) strict(below);
  return command.exitOverride().showHelpAfterError('(see --help)');
}
