import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../src/core/error-codes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function documents(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path));
  return ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'STYLE.md', ...docs];
}

test('TypeScript in README and docs compiles against the package', () => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.cache', 'fences-'));
  try {
    let count = 0;
    for (const document of documents()) {
      const fences = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/```ts\n(.*?)```/gs)];
      for (const [, code] of fences)
        writeFileSync(join(folder, `fence-${count++}.ts`), code as string);
    }
    expect(count).toBeGreaterThanOrEqual(2);
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: {
        paths: { millrace: ['../../src/index.ts'], 'millrace/client': ['../../src/client.ts'] },
      },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const output = () =>
      execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
    expect(output).not.toThrow();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('docs/reference/errors.md lists each error code and no other', () => {
  const listed = [
    ...readFileSync(join(ROOT, 'docs/reference/errors.md'), 'utf8').matchAll(/^\| `(MR_\w+)`/gm),
  ].map(([, code]) => code);
  expect(listed).toEqual(Object.keys(ERROR_CODES));
});

test('every error code is used, and named after its room', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('error-codes.ts'))
    .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'))
    .join('\n');
  const unused = Object.keys(ERROR_CODES).filter((code) => !sources.includes(`'${code}'`));
  expect(unused).toEqual([]);
  for (const code of Object.keys(ERROR_CODES)) expect(code).toMatch(/^MR_[A-Z]+(_[A-Z]+)*$/);
});

test('links between documents lead somewhere', () => {
  for (const document of documents()) {
    const links = [
      ...readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g),
    ].map(([, path]) => path as string);
    for (const link of links)
      expect(
        () => readdirSync(join(ROOT, document, '..', link)),
        `${document}: ${link}`,
      ).not.toThrow(/ENOENT/);
  }
});

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('the ecommerce template is the example, in less than 100 lines', () => {
  expect(text('templates/ecommerce/pipeline.ts')).toBe(text('examples/ecommerce/pipeline.ts'));
  expect(text('examples/ecommerce/pipeline.ts').trimEnd().split('\n').length).toBeLessThan(100);
});

test('the first file of the README is the blank template, in less than 30 lines', () => {
  const blank = text('templates/blank/pipeline.ts');
  expect(/```ts\n(.*?)```/s.exec(text('README.md'))?.[1]).toBe(blank);
  expect(blank.trimEnd().split('\n').length).toBeLessThan(30);
});

test('control: a code fence that is wrong does not compile', () => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.cache', 'fences-'));
  try {
    writeFileSync(
      join(folder, 'wrong.ts'),
      "import { stream } from 'millrace';\nexport const s = stream('s', { fields: 1 });\n",
    );
    const paths = { millrace: ['../../src/index.ts'] };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: { paths },
        include: ['*.ts'],
      }),
    );
    expect(() =>
      execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' }),
    ).toThrow();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
