import { existsSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Command } from 'commander';
import { dataFolderFor, findRunning, lakePlaceFor } from '../app/data-folder.ts';
import { prepareWithoutRunning } from '../app/inspect.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { packageVersion } from '../core/package-version.ts';
import { examineLake } from '../target/lake.ts';
import type { FolderOptions } from './connection.ts';
import { createOutput, formatBytes, paint } from './output.ts';
import { folderVerb } from './verb.ts';

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
}

interface DoctorOptions extends FolderOptions {
  readonly json?: boolean;
  readonly lake?: string;
}

const FREE_BYTES_MIN = 1_000_000_000;

export const doctorCommand = (): Command =>
  folderVerb('doctor', 'Check machine, ports, data folder, tables, versions', 'millrace doctor')
    .option('--lake <place>', 'where the tables are to be: s3://bucket/prefix (or MILLRACE_LAKE)')
    .action(async (options: DoctorOptions) => {
      const output = createOutput(options.json ?? false);
      const findings = await examine(options);
      output.event({ event: 'done', findings });
      for (const { check, state, detail } of findings)
        output.say(`${mark(state)} ${check}: ${detail}`);
      const failed = findings.filter((finding) => finding.state === 'fail');
      if (failed.length > 0)
        throw new MillraceError(
          'MR_COMMAND_USAGE',
          `${failed.length} check${failed.length === 1 ? '' : 's'} failed: ${failed.map((finding) => finding.check).join(', ')}.`,
        );
    });

function mark(state: Finding['state']): string {
  return state === 'ok'
    ? paint('green', 'ok  ')
    : state === 'warn'
      ? paint('yellow', 'warn')
      : paint('red', 'fail');
}

async function examine(options: DoctorOptions): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const node: Finding = {
    check: 'node',
    state: major > 20 || (major === 20 && minor >= 19) ? 'ok' : 'fail',
    detail: `${process.version} (20.19 or newer is needed)`,
  };
  const version: Finding = { check: 'millrace', state: 'ok', detail: packageVersion() };
  return [node, version, ...(await examinePipeline(options)), await examinePort()];
}

async function examinePipeline(options: DoctorOptions): Promise<Finding[]> {
  try {
    const file = findPipeline(options.pipeline);
    const folder = dataFolderFor(file, options.data);
    const prepared = await prepareWithoutRunning(file);
    const { plan } = prepared;
    const pipeline: Finding = {
      check: 'pipeline',
      state: 'ok',
      detail: `${file}: ${plan.streams.length} streams, ${plan.models.length} models, ${plan.lookups.length} lookups, ${plan.dashboards.length} dashboards; every query is right`,
    };
    return [pipeline, ...(await examineFolder(folder)), await examineTables(folder, options.lake)];
  } catch (error) {
    return [{ check: 'pipeline', state: 'fail', detail: (error as Error).message }];
  }
}

async function examineFolder(folder: string): Promise<Finding[]> {
  if (!existsSync(folder))
    return [{ check: 'data folder', state: 'ok', detail: `${folder} is made at the first start` }];
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  const { bavail, bsize } = await statfs(folder);
  const running = await findRunning(folder);
  return [
    {
      check: 'data folder',
      state: writable ? 'ok' : 'fail',
      detail: writable ? folder : `${folder} cannot be written; correct its owner or rights`,
    },
    {
      check: 'disk',
      state: bavail * bsize > FREE_BYTES_MIN ? 'ok' : 'warn',
      detail: `${formatBytes(bavail * bsize)} free`,
    },
    {
      check: 'process',
      state: 'ok',
      detail: running
        ? `pid ${running.pid} answers at ${running.http}`
        : 'none runs on this folder',
    },
  ];
}

async function examineTables(folder: string, option: string | undefined): Promise<Finding> {
  try {
    const lake = await examineLake({
      folder,
      place: lakePlaceFor(option),
      environment: process.env,
      files: nodeFileSystem(),
      clock: systemClock,
    });
    const detail = lake
      ? `${lake.place} can be written, read, listed and cleared, and keeps to conditions; ${lake.reading}`
      : 'in the data folder; SQL reads their files where they are';
    return { check: 'tables', state: 'ok', detail };
  } catch (error) {
    return { check: 'tables', state: 'fail', detail: (error as Error).message };
  }
}

async function examinePort(): Promise<Finding> {
  const port = Number(process.env['MILLRACE_PORT'] ?? 4000);
  const free = await new Promise<boolean>((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
  return {
    check: 'port',
    state: free ? 'ok' : 'warn',
    detail: free
      ? `${port} is free`
      : `${port} is in use; start with --port 0, or set MILLRACE_PORT`,
  };
}
