import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import { globPattern } from './glob.ts';

const READABLE = /\.(csv|tsv|txt|json|ndjson|jsonl|parquet|avro|orc)(\.gz|\.zst)?$/i;

/** Files named, in folders named, or matching patterns; sorted, so that an import repeats in the same order. */
export async function findFiles(named: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of named) found.push(...(await filesOf(name)));
  return [...new Set(found)];
}

async function filesOf(name: string): Promise<string[]> {
  const stat = statSync(name, { throwIfNoEntry: false });
  if (stat?.isFile()) return [name];
  const files = stat?.isDirectory()
    ? await readableIn(name)
    : /[*?[{]/.test(name)
      ? await matching(name)
      : [];
  if (files.length > 0) return files;
  throw new MillraceError(
    'MR_IMPORT_FILE',
    stat
      ? `${name} has no file that can be imported (CSV, TSV, JSON, NDJSON, Parquet, Avro, ORC).`
      : `There is no file ${name}.`,
  );
}

async function readableIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && READABLE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function matching(pattern: string): Promise<string[]> {
  let base = dirname(pattern);
  while (/[*?[{]/.test(base)) base = dirname(base);
  const entries = await readdir(base, { recursive: true, withFileTypes: true }).catch(() => []);
  const wanted = basename(base) === '.' || base === '.' ? pattern.replace(/^\.\//, '') : pattern;
  const matches = globPattern(wanted);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => matches.test(path))
    .sort();
}
