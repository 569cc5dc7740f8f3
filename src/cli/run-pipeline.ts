import { resolve } from 'node:path';
import type { Command } from 'commander';
import { App } from '../app/app.ts';
import { dataFolderFor, lakePlaceFor } from '../app/data-folder.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { systemClock } from '../core/clock.ts';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { writeEnvFile } from './env-file.ts';
import { createLogger } from './log.ts';
import { openPage } from './open-page.ts';
import { createOutput, type Output, paint } from './output.ts';
import { verb } from './verb.ts';
import { watchSources } from './watch-sources.ts';

interface RunOptions {
  readonly json?: boolean;
  readonly data?: string;
  readonly lake?: string;
  readonly port?: string;
  readonly host: string;
  readonly allowHost: string[];
  readonly allowLocation: string[];
  readonly allowBreaking?: boolean;
  readonly open?: boolean;
}

function runVerb(name: string, description: string, example: string): Command {
  return verb(name, description, example)
    .argument('[pipeline]', 'the pipeline file or its folder', '.')
    .option(
      '--data <folder>',
      'the data folder (default: .millrace beside the pipeline, or MILLRACE_DATA)',
    )
    .option(
      '--lake <place>',
      'where the tables are: s3://bucket/prefix (default: the data folder, or MILLRACE_LAKE)',
    )
    .option('--port <port>', 'HTTP port, 0 for a free one (default: 4000, or MILLRACE_PORT)')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--allow-host <name>',
      'a host name the server answers for; may be repeated',
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option(
      '--allow-location <folder>',
      'a folder beside the data folder that tables of other programs may have files in; may be repeated',
      (folder: string, folders: string[]) => [...folders, resolve(folder)],
      [],
    )
    .option('--allow-breaking', 'accept changes of the definition that break stored data');
}

export const devCommand = (): Command =>
  runVerb(
    'dev',
    'Run the pipeline and its page, reload it on change, no keys on loopback',
    'millrace dev pipeline.ts --open',
  )
    .option('--open', 'open the page in the browser')
    .action((pipeline: string, options: RunOptions) => run('dev', pipeline, options));

export const startCommand = (): Command =>
  runVerb(
    'start',
    'Run the pipeline and its page for production: keys and logins required, no reload',
    'millrace start pipeline.ts --data /var/lib/millrace',
  ).action((pipeline: string, options: RunOptions) => run('start', pipeline, options));

async function run(mode: 'dev' | 'start', pipeline: string, options: RunOptions): Promise<void> {
  const output = createOutput(options.json ?? false);
  const logger = createLogger('warn');
  const file = findPipeline(pipeline);
  const folder = dataFolderFor(file, options.data);
  const port = parsePort(options.port ?? process.env['MILLRACE_PORT'] ?? '4000');
  if (mode === 'dev' && !isLoopback(options.host))
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `\`dev\` asks for no keys and so listens on this machine only; for ${options.host} use \`millrace start\`.`,
    );
  let fatal: MillraceError | undefined;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  // Before anything is opened: a signal during the start ends it cleanly too.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  const app = await App.start({
    file,
    folder,
    lake: lakePlaceFor(options.lake),
    mode,
    host: options.host,
    port,
    allowedHosts: options.allowHost,
    allowedLocations: options.allowLocation,
    allowBreaking: options.allowBreaking ?? false,
    triggers: true,
    clock: systemClock,
    logger,
    onFatal: (error) => {
      fatal = error;
      end();
    },
  });
  const stopWatching =
    mode === 'dev' ? await watchPipeline(app, file, { output, logger }) : () => {};
  announce(app, output);
  if (options.open) openPage(`${app.address}/`, output);
  await ended;
  stopWatching();
  process.once('SIGINT', () => process.exit(130));
  if (!fatal) output.say('Stopping: delivering what waits …');
  await app.stop({ deliver: fatal === undefined });
  if (fatal) throw fatal;
  output.event({ event: 'stopped' });
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new MillraceError(
    'MR_COMMAND_USAGE',
    `--port must be a number from 0 to 65535, not ${JSON.stringify(text)}.`,
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function announce(app: App, output: Output): void {
  const token = app.claimToken;
  const keys = token === undefined ? {} : { claim: token };
  output.event({ event: 'ready', http: app.address, keys });
  output.say(`${paint('green', 'ready')} ${app.address}`);
  output.say(`${paint('green', 'page')}  ${app.address}/`);
  if (token !== undefined) {
    output.say(`First start: claim it on the page with this token, which works once:\n  ${token}`);
    output.say(
      'or make an administrator on this machine: millrace users add NAME --role admin, millrace keys create --role admin',
    );
  }
}

const CHANGE_WAIT_MS = 100;

/** Reloads when a source file changes. A wrong file is reported and the old pipeline goes on. */
async function watchPipeline(
  app: App,
  file: string,
  { output, logger }: { output: Output; logger: Logger },
): Promise<() => void> {
  const report = (error: unknown) => {
    const known = asMillraceError(error, 'MR_INTERNAL');
    output.event({ event: 'reload-failed', code: known.code, message: known.message });
    output.say(
      `${paint('red', 'not reloaded')} ${known.message}\nThe pipeline from before goes on.`,
    );
  };
  const reload = async (): Promise<void> => {
    try {
      watched.look();
      const { pipeline, changes } = await app.reload();
      await writeEnvFile(pipeline);
      output.event({ event: 'reloaded', changes });
      output.say(
        `${paint('green', 'reloaded')}${changes.map((change) => `\n  ${change.kind} ${change.what}: ${change.detail}`).join('')}`,
      );
    } catch (error) {
      report(error);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      turn = turn.then(reload);
    }, CHANGE_WAIT_MS);
  };
  const watched = watchSources(file, changed, logger);
  if (app.current) await writeEnvFile(app.current.pipeline).catch(report);
  return () => {
    clearTimeout(timer);
    watched.stop();
  };
}
