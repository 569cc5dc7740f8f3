import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { BackupProgress, BackupResult } from '../app/backup.ts';
import { listBackups, verifyBackup } from '../app/restore.ts';
import type { BackupManifest } from '../backup/backup-store.ts';
import { systemClock } from '../core/clock.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createLogger } from './log.ts';
import { createOutput, formatBytes, formatCount, type Output, textTable } from './output.ts';
import { folderVerb } from './verb.ts';

interface BackupOptions extends FolderOptions {
  readonly json?: boolean;
  readonly keep?: number;
  readonly list?: boolean;
  /** True where no id is given. */
  readonly verify?: string | true;
}

export const backupCommand = (): Command =>
  folderVerb(
    'backup',
    'Copy log, lake, lookups and records of the system to a folder, while records come in',
    'millrace backup /mnt/backups --keep 7\n  millrace backup /mnt/backups --list\n  millrace backup /mnt/backups --verify',
  )
    .argument('<folder>', 'where backups are; each later one adds what is new')
    .option('--keep <number>', 'remove older ones than so many newest', count)
    .option('--list', 'only list the backups there')
    .option('--verify [id]', 'only read a backup there, the newest or that of the id, and check it')
    .action(async (to: string, options: BackupOptions) => {
      const output = createOutput(options.json ?? false);
      if (options.list) await list(to, output);
      else if (options.verify === undefined) await backUp(to, options, output);
      else await verify(to, options.verify, output);
    });

function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}

const context = () => ({ clock: systemClock, logger: createLogger('error') });

export const sayProgress =
  (output: Output, what: string) =>
  ({ bytes, totalBytes }: BackupProgress): void =>
    output.progress(`  ${formatBytes(bytes)} of ${formatBytes(totalBytes)} ${what}`, {
      bytes,
      totalBytes,
    });

function backUp(to: string, options: BackupOptions, output: Output): Promise<void> {
  return withConnection(options, async (connection) => {
    const progress = sayProgress(output, 'copied');
    const result = await connection.events<BackupResult>(
      '/v1/backup',
      { to: resolve(to), keep: options.keep },
      (event) => progress(event as unknown as BackupProgress),
    );
    output.event({ ...result });
    const { id, files, bytes, copiedFiles, copiedBytes, removed, notices, outside } = result;
    output.say(
      `${id}: ${formatCount(files)} files, ${formatBytes(bytes)}; ${formatCount(copiedFiles)} of them (${formatBytes(copiedBytes)}) were not there yet`,
    );
    for (const place of outside) output.say(`not in it: ${place}`);
    if (removed.length > 0) output.say(`removed ${removed.join(', ')}`);
    sayWrong(output, notices);
  });
}

/** The backup is there; but what it is of is not as it should be. */
export function sayWrong(output: Output, notices: readonly string[]): void {
  for (const notice of notices) output.complain(notice);
  if (notices.length > 0) process.exitCode = 1;
}

const facts = ({
  id,
  startedMs,
  endedMs,
  millrace,
  folder,
  files,
  logs,
  tables,
}: BackupManifest) => ({
  id,
  started: new Date(startedMs).toISOString(),
  ended: new Date(endedMs).toISOString(),
  millrace,
  folder,
  files: files.length,
  bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  logs,
  tables,
});

async function list(from: string, output: Output): Promise<void> {
  const backups = (await listBackups(from, context())).map(facts);
  output.event({ event: 'done', backups });
  output.say(
    textTable(
      ['id', 'began', 'files', 'size', 'data folder'],
      backups.map(({ id, started, files, bytes, folder }) => [
        id,
        started,
        formatCount(files),
        formatBytes(bytes),
        folder,
      ]),
      [false, false, true, true],
    ),
  );
}

async function verify(from: string, id: string | true, output: Output): Promise<void> {
  const { manifest, wrong } = await verifyBackup(
    { from, ...(id === true ? {} : { id }) },
    { ...context(), onProgress: sayProgress(output, 'read') },
  );
  output.event({ event: 'done', ...facts(manifest), wrong });
  if (wrong.length === 0)
    output.say(`${manifest.id} is whole: ${formatCount(manifest.files.length)} files`);
  sayWrong(output, wrong);
}
