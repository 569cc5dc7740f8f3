import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The house rules of ARCHITECTURE.md and STYLE.md that a machine can check. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAGES = [
  'source',
  'ingest',
  'stream',
  'deliver',
  'lake',
  'query',
  'model',
  'lookup',
  'schedule',
  'govern',
  'dashboard',
  'live',
  'backup',
];

/** Rows of the layers; imports point down, and within a row only inside one folder. */
const LAYERS: readonly { readonly row: number; readonly folder: RegExp }[] = [
  { row: 0, folder: /^core\// },
  { row: 1, folder: /^definition\// },
  { row: 2, folder: /^(plan|wire|children|s3)\// },
  { row: 4, folder: new RegExp(`^(${STAGES.join('|')})/(embedded|aws)/`) },
  { row: 3, folder: new RegExp(`^(${STAGES.join('|')})/`) },
  { row: 4, folder: /^engine\// },
  { row: 5, folder: /^serve\// },
  { row: 6, folder: /^(app|target)\// },
  { row: 7, folder: /^cli\// },
];

/** Public entries see what users may. */
const ENTRIES: { readonly [file: string]: readonly number[] } = {
  'index.ts': [0, 1],
  'client.ts': [0, 1],
};

/** Packages that only some rooms may name. */
const HOMES: { readonly [name: string]: RegExp } = {
  '@duckdb/node-api': /^engine\//,
  lmdb: /\/embedded\/|^target\//,
  fastify: /^serve\/|^app\//,
  commander: /^cli\//,
  pino: /^cli\//,
  avsc: /^lake\/iceberg\/|^wire\/avro\//,
  jiti: /^app\//,
  echarts: /^dashboard\/embedded\//,
  '@resvg/resvg-js': /^dashboard\/embedded\//,
  '@hpcc-js/wasm-zstd': /^wire\//,
  fzstd: /^wire\//,
  cborg: /^wire\//,
  aws4fetch: /^s3\//,
  croner: /^schedule\/|^plan\//,
};

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;

function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

const SOURCES = filesOf('src').map((path) => ({
  path: path.slice('src/'.length),
  text: readFileSync(join(ROOT, path), 'utf8'),
}));

/** The page: a program of its own, in the browser. */
const PAGE_SOURCES = filesOf('web/src').map((path) => ({
  path: `../${path}`,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));
const ALL_SOURCES = [...SOURCES, ...PAGE_SOURCES];

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(text: string): Import[] {
  const found = [
    ...text.matchAll(
      /^(?:import|export)\s+(type\s+)?(\{[^}]*\}|[\w*]+)?[^'"\n;]*?from\s+'([^']+)'/gms,
    ),
  ];
  return found.map(([, type, names, from]) => {
    const list = names?.startsWith('{')
      ? names
          .slice(1, -1)
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '')
      : [];
    return {
      from: from as string,
      typeOnly:
        type !== undefined || (list.length > 0 && list.every((name) => name.startsWith('type '))),
    };
  });
}

/** `await import('aws4fetch')` */
function lazyImportsOf(text: string): Import[] {
  return [...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, from]) => ({
    from: from as string,
    typeOnly: false,
  }));
}

function layerOf(path: string): { row: number; folder: string } | undefined {
  const layer = LAYERS.find(({ folder }) => folder.test(path));
  return layer && { row: layer.row, folder: (layer.folder.exec(path) as RegExpExecArray)[0] };
}

/** `../core/errors.ts` seen from `serve/sql.ts` is `core/errors.ts`. */
function resolveImport(path: string, from: string): string {
  return relative(join(ROOT, 'src'), join(ROOT, 'src', path, '..', from));
}

function layerProblem(path: string, { from, typeOnly }: Import): string | undefined {
  const target = resolveImport(path, from);
  const [here, there] = [layerOf(path), layerOf(target)];
  if (!here)
    return ENTRIES[path]?.includes(there?.row ?? -1) === true
      ? undefined
      : `src/${path} is a public entry and may not import ${target}`;
  if (!there || there.row < here.row || there.folder === here.folder) return undefined;
  if (here.row >= 3 && here.row <= 4 && there.row <= 4 && typeOnly) return undefined;
  if (here.row === 6 && there.row === 6) return undefined;
  return `src/${path} (row ${here.row}) may not import ${target} (row ${there.row})${here.row >= 3 && there.row <= 4 ? ' but by `import type`' : ''}: imports point down`;
}

/** What the page runs is built for the browser: of the server it runs the chart functions, and knows the types. */
/** What of src/ a browser runs: charts, and what they and the page are both made of. */
const PAGE_RUNS =
  /^(dashboard\/[^/]+|core\/time-grain|query\/parameter-text|definition\/dashboard-items)\.ts$/;

function pageProblem(path: string, { from, typeOnly }: Import): string | undefined {
  const target = resolveImport(path, from);
  if (typeOnly || target.startsWith('../web/') || PAGE_RUNS.test(target)) return undefined;
  return `${path.slice(3)} may import src/${target} by \`import type\` only`;
}

describe('the house is tidy', () => {
  test('every file has a place in the layers', () => {
    const homeless = SOURCES.filter(({ path }) => !layerOf(path) && !(path in ENTRIES)).map(
      ({ path }) => `src/${path} is in no folder of the layers`,
    );
    expect(homeless).toEqual([]);
  });

  test('imports point down only', () => {
    const problems = SOURCES.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ from }) => from.startsWith('.'))
        .map((one) => layerProblem(path, one))
        .filter((problem) => problem !== undefined),
    );
    expect(problems).toEqual([]);
  });

  test('the page runs nothing of the server but its chart functions', () => {
    const problems = PAGE_SOURCES.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ from }) => from.startsWith('.') && /\.tsx?$/.test(from))
        .map((one) => pageProblem(path, one))
        .filter((problem) => problem !== undefined),
    );
    expect(problems).toEqual([]);
    expect(PAGE_SOURCES.length).toBeGreaterThan(10);
  });

  test('only target names implementations', () => {
    const problems = SOURCES.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(
          ({ from, typeOnly }) =>
            !typeOnly &&
            /\/(embedded|aws)\//.test(resolveImport(path, from)) &&
            !path.startsWith('target/'),
        )
        .filter(({ from }) => layerOf(path)?.folder !== layerOf(resolveImport(path, from))?.folder)
        .map(({ from }) => `src/${path} imports the implementation ${from}; only target/ may`),
    );
    expect(problems).toEqual([]);
  });

  test('packages stay in their rooms', () => {
    const problems = SOURCES.flatMap(({ path, text }) =>
      [...importsOf(text), ...lazyImportsOf(text)].flatMap(({ from, typeOnly }) => {
        const name = Object.keys(HOMES).find(
          (known) => from === known || from.startsWith(`${known}/`),
        );
        return name && !typeOnly && !(HOMES[name] as RegExp).test(path)
          ? [`src/${path} imports ${name}`]
          : [];
      }),
    );
    expect(problems).toEqual([]);
  });

  test('definition and plan use nothing of Node', () => {
    const problems = SOURCES.filter(({ path }) => /^(definition|plan)\//.test(path)).flatMap(
      ({ path, text }) =>
        importsOf(text)
          .filter(({ from }) => from.startsWith('node:'))
          .map(({ from }) => `src/${path} imports ${from}`),
    );
    expect(problems).toEqual([]);
  });

  test(`files have at most ${FILE_LINES_MAX} lines`, () => {
    const long = ALL_SOURCES.filter(({ text }) => text.split('\n').length > FILE_LINES_MAX).map(
      ({ path, text }) => `${named(path)}: ${text.split('\n').length}`,
    );
    expect(long).toEqual([]);
  });

  test(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
    const long = ALL_SOURCES.flatMap(({ path, text }) =>
      longFunctions(text).map(({ name, lines }) => `${named(path)}: ${name} has ${lines}`),
    );
    expect(long).toEqual([]);
  });

  test('nothing is left to do, exported by default, or re-exported in passing', () => {
    const problems = ALL_SOURCES.flatMap(({ path, text }) => [
      ...(/\b(TODO|FIXME|XXX)\b/.test(text) ? [`${named(path)} has something left to do`] : []),
      ...(/^export default/m.test(text) ? [`${named(path)} has a default export`] : []),
      ...(/^export \* from/m.test(text) ||
      (!(path in ENTRIES) && /^export (type )?\{[^}]*\} from/m.test(text))
        ? [`${named(path)} is a barrel`]
        : []),
      ...(/\benum \w+|\bnamespace \w+ \{/.test(text)
        ? [`${named(path)} has an enum or a namespace`]
        : []),
    ]);
    expect(problems).toEqual([]);
  });

  test('file names are kebab-case', () => {
    expect(
      ALL_SOURCES.filter(
        ({ path }) => !/^([a-z0-9]+-)*[a-z0-9]+\.tsx?$/.test(path.split('/').at(-1) ?? ''),
      ).map(({ path }) => path),
    ).toEqual([]);
  });

  test('no path of this machine and no registry is named in what is committed', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    expect(lock).not.toMatch(/"resolved": "http/);
    const found = ALL_SOURCES.filter(({ text }) => /\/work\/|\/root\//.test(text)).map(
      ({ path }) => path,
    );
    expect(found).toEqual([]);
  });

  test('control: a page that runs the server is noticed', () => {
    const path = '../web/src/app.tsx';
    const server = '../../src/serve/server.ts';
    expect(pageProblem(path, { from: server, typeOnly: false })).toContain('import type');
    expect(pageProblem(path, { from: server, typeOnly: true })).toBeUndefined();
    expect(
      pageProblem(path, { from: '../../src/dashboard/charts.ts', typeOnly: false }),
    ).toBeUndefined();
  });

  test('control: a lazy import is noticed', () => {
    expect(lazyImportsOf("const { a } = await import('aws4fetch');")).toEqual([
      { from: 'aws4fetch', typeOnly: false },
    ]);
  });

  test('control: an import that points up is noticed', () => {
    expect(
      layerProblem('core/errors.ts', { from: '../serve/server.ts', typeOnly: false }),
    ).toContain('imports point down');
    expect(
      layerProblem('stream/stream-store.ts', { from: '../lake/table-store.ts', typeOnly: false }),
    ).toContain('import type');
  });
});

/** `src/serve/sql.ts`, `web/src/app.tsx` */
function named(path: string): string {
  return path.startsWith('../') ? path.slice(3) : `src/${path}`;
}

/** Functions and methods by indentation, which the formatter keeps. */
function longFunctions(text: string): { name: string; lines: number }[] {
  const lines = text.split('\n');
  const found: { name: string; lines: number }[] = [];
  lines.forEach((line, start) => {
    const match =
      /^( *)(?:export )?(?:static )?(?:async )?(?:function\*? (\w+)|(#?\w+)\(.*\{$)/.exec(line);
    if (!match || /^\s*(if|for|while|switch|return|describe|test)\b/.test(line)) return;
    const end = lines.findIndex(
      (candidate, index) => index > start && candidate.startsWith(`${match[1]}}`),
    );
    if (end - start > FUNCTION_LINES_MAX)
      found.push({ name: match[2] ?? match[3] ?? '?', lines: end - start });
  });
  return found;
}
