import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { LogSettings, SchemaVersion } from '../stream-store.ts';
import type { Damage } from './segment.ts';

/** `stream.json`: what a log says of itself, so that its folder can be read without anything else. */
export interface LogDescription {
  readonly format: 1;
  readonly epoch: string;
  readonly shards: number;
  readonly schemas: readonly SchemaVersion[];
}

/**
 * Reads or makes the description; a changed schema or shard count becomes part of it. There are two
 * copies, each with its checksum: without the epoch no entry of the index can be told from garbage, so
 * one wrong bit would otherwise cost the whole log.
 */
export async function describeLog(
  files: FileSystem,
  folder: string,
  settings: LogSettings,
): Promise<{ description: LogDescription; damaged: readonly Damage[] }> {
  const paths = [join(folder, 'stream.json'), join(folder, 'stream.copy.json')] as const;
  const copies = [await readCopy(files, paths[0]), await readCopy(files, paths[1])];
  const damaged = copies.flatMap((copy) => (copy.damage ? [copy.damage] : []));
  const stored = copies.find((copy) => copy.description)?.description;
  if (!stored && damaged.length > 0)
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      `${damaged.map(({ text }) => text).join(' and ')}: without them the log in ${folder} cannot be read. Restore one of them from a backup.`,
    );
  const description = withSettings(stored, settings);
  const text = descriptionText(description);
  for (const [index, copy] of copies.entries())
    if (copy.text !== text) await files.replaceFile(paths[index] as string, text);
  return { description, damaged };
}

function withSettings(stored: LogDescription | undefined, settings: LogSettings): LogDescription {
  const { fields, unknown } = settings.schema;
  const schemas = stored?.schemas ?? [];
  const known = schemas.at(-1);
  const isKnown =
    known && JSON.stringify([known.fields, known.unknown]) === JSON.stringify([fields, unknown]);
  return {
    format: 1,
    epoch: stored?.epoch ?? randomUUID(),
    shards: settings.shards,
    schemas: isKnown
      ? schemas
      : [...schemas, { version: (known?.version ?? 0) + 1, fields, unknown }],
  };
}

function descriptionText(description: LogDescription): string {
  const { format, epoch, shards, schemas } = description;
  const crc = crc32(JSON.stringify([format, epoch, shards, schemas]));
  return `${JSON.stringify({ format, epoch, shards, schemas, crc }, null, 1)}\n`;
}

interface Copy {
  readonly text?: string;
  readonly description?: LogDescription;
  readonly damage?: Damage;
}

async function readCopy(files: FileSystem, path: string): Promise<Copy> {
  if (!(await files.exists(path))) return {};
  const bytes = await files.readFile(path);
  const text = bytes.toString();
  const description = parseDescription(path, text);
  if (description) return { text, description };
  return { text, damage: { text: path, places: [{ file: path, start: 0, end: bytes.length }] } };
}

/** Undefined where it is not what was written. Folders of version 0.1.0 have no checksum. */
function parseDescription(path: string, text: string): LogDescription | undefined {
  let parsed: Partial<LogDescription> & { readonly crc?: number };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { format, epoch, shards, schemas, crc, ...others } = parsed ?? {};
  const isSound = crc === crc32(JSON.stringify([format, epoch, shards, schemas]));
  const isOld = crc === undefined && Object.keys(others).length === 0;
  if (!isSound && !isOld) return undefined;
  if (typeof format === 'number' && format !== 1)
    throw new MillraceError(
      'MR_STORAGE_FORMAT',
      `${path} has format ${String(format)}; this version reads format 1. Use the version of millrace that wrote it.`,
    );
  if (format !== 1 || typeof epoch !== 'string' || !Number.isInteger(shards) || !schemas)
    return undefined;
  return { format, epoch, shards: shards as number, schemas };
}
