import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../core/errors.ts';
import { type CompiledPipeline, compile } from '../plan/compile.ts';

// For `import` Node looks through its 190 kB for what it exports: 20 ms of each start.
const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti');

export interface LoadedPipeline extends CompiledPipeline {
  readonly file: string;
}

/** `pipeline.ts` in the folder, or the file itself. @throws MR_PIPELINE_UNREADABLE where there is none. */
export function findPipeline(path = '.'): string {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'pipeline.ts') : path;
  if (existsSync(file)) return resolve(file);
  throw new MillraceError(
    'MR_PIPELINE_UNREADABLE',
    `There is no ${file}. Make a project with \`millrace init my-shop\`, or name the file: \`millrace dev path/to/pipeline.ts\`.`,
  );
}

/** Loads and compiles a pipeline file; its imports of `millrace` get this package where none is installed. */
export async function loadPipeline(
  file: string,
  /** Keeps what was compiled, by content: the compiler alone takes 150 ms to load. */
  cacheFolder?: string,
): Promise<LoadedPipeline> {
  const own = packageEntries();
  const jiti = createJiti(file, {
    moduleCache: false,
    fsCache: cacheFolder ?? false,
    interopDefault: false,
    alias: installed(file) ? {} : own,
  });
  let exported: Record<string, unknown>;
  try {
    exported = await jiti.import<Record<string, unknown>>(file);
  } catch (error) {
    if (error instanceof Error && error.name === 'MillraceError') throw rethrow(error);
    throw new MillraceError('MR_PIPELINE_UNREADABLE', readable(file, error), { cause: error });
  }
  return { ...compile(Object.values(exported), file), file };
}

const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * The file and the files it imports by a relative name, and those they import, as they stand now: what a
 * reload watches. A name that leads nowhere yet is there under each path it may come to have.
 */
export function sourcesOf(file: string, found: Set<string> = new Set()): ReadonlySet<string> {
  found.add(file);
  const text = isFile(file) ? readFileSync(file, 'utf8') : '';
  for (const [, name] of text.matchAll(RELATIVE_IMPORT)) {
    const base = join(dirname(file), name as string);
    const candidates = [base, `${base}.ts`, base.replace(/\.js$/, '.ts')];
    const path = candidates.find(isFile);
    for (const one of path === undefined ? candidates : [path])
      if (!found.has(one)) sourcesOf(one, found);
  }
  return found;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The same class from another copy of the package is not the same class. */
function rethrow(error: Error): Error {
  if (error instanceof MillraceError) return error;
  const { code, details } = error as unknown as MillraceError;
  return new MillraceError(code, error.message, { details });
}

function installed(file: string): boolean {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', 'millrace', 'package.json'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

/** This package's public entries, built or from source. */
function packageEntries(): { [name: string]: string } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = (name: string) =>
    fileURLToPath(new URL(`../${name}.${extension}`, import.meta.url));
  return { 'millrace/client': entry('client'), millrace: entry('index') };
}

/** The message with file and line: a parse error has them in its text, others in their stack. */
function readable(file: string, error: unknown): string {
  if (!(error instanceof Error)) return `${file}: ${String(error)}`;
  const line = error.stack
    ?.split('\n')
    .find((text) => text.includes(file) && /:\d+:\d+/.test(text));
  const at = line ? /:(\d+):\d+/.exec(line)?.[1] : undefined;
  return `${file}${at === undefined ? '' : `:${at}`}: ${error.message}`;
}
