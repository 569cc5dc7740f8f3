import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles a project with this repository's compiler. */
function compile(project: string): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(
      'npx',
      ['tsc', '--noEmit', '--pretty', 'false', '-p', project],
      { cwd: ROOT },
      (error, out) => {
        resolve({ code: error ? Number(error.code) : 0, out });
      },
    );
  });
}

/** What the compiler says about a pipeline that uses the package's sources. */
function compilePipeline(text: string): Promise<{ code: number; out: string }> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), text);
  const compilerOptions = {
    target: 'es2023',
    // What the package's sources are written for; users have its declarations only.
    lib: ['es2023', 'es2024.string', 'dom'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: { millrace: [join(ROOT, 'src/index.ts')] },
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  return compile(folder);
}

const SALES = `
import { dashboard, day, field as f, lookup, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { invoice_no: f.string(), at: f.timestamp() } });
`;

test('right definitions compile with the row types they promise, and each wrong use is an error', async () => {
  expect(await compile('test/types/cases')).toEqual({ code: 0, out: '' });
});

test.each([
  { use: "lookup('wrong', { from: sales, key: 'invoice' });", says: /"invoice".*"invoice_no"/ },
  { use: "lookup('wrong', { from: sales, key: 'at', sort: ['no'] });", says: /"no".*"invoice_no"/ },
  {
    use: "stream('wrong', { fields: { id: f.string() }, table: { partitionBy: [day('when')] } });",
    says: /"when".*"id"/,
  },
  {
    use: "dashboard('wrong', {}, ({ grid }) => [grid('x', { from: sales, columns: ['price'] })]);",
    says: /"price".*"invoice_no"/,
  },
  { use: 'f.boolean().min(1);', says: /'min' does not exist/ },
])('the compiler names the wrong word and the right ones: $use', async ({ use, says }) => {
  const { code, out } = await compilePipeline(`${SALES}${use}\n`);
  expect(code).not.toBe(0);
  expect(
    out
      .trim()
      .split('\n')
      .filter((line) => line.includes('error TS')),
    'one error',
  ).toHaveLength(1);
  expect(out).toMatch(says);
  expect(out).toContain('pipeline.ts(4,');
});

test('control: the same pipeline without the wrong use compiles', async () => {
  expect(await compilePipeline(SALES)).toEqual({ code: 0, out: '' });
});
