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
import { dashboard, day, field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { invoice_no: f.string(), at: f.timestamp() }, measures: { orders: sql\`count(*)\` } });
export const daily = model('daily', { sql: sql\`select 1\`, fields: { day: f.date(), revenue: f.long() }, measures: { mean: sql\`avg(revenue)\` } });
declare module 'millrace' { interface ModelRows { known: { day: string; sold: string } } }
export const known = model('known', { sql: sql\`select 1\` });
`;
const chart = (text: string) => `dashboard('wrong', {}, (c) => [c.${text}]);`;

test('right definitions compile with the row types they promise, and each wrong use is an error', async () => {
  expect(await compile('test/types/cases')).toEqual({ code: 0, out: '' });
});

const WRONG = [
  { use: "lookup('wrong', { from: sales, key: 'invoice' });", says: /"invoice".*"invoice_no"/ },
  { use: "lookup('wrong', { from: sales, key: 'at', sort: ['no'] });", says: /"no".*"invoice_no"/ },
  {
    use: "stream('wrong', { fields: { id: f.string() }, table: { partitionBy: [day('when')] } });",
    says: /"when".*"id"/,
  },
  {
    use: chart("grid('x', { from: sales, columns: ['price'] })"),
    says: /"price"' .* '"at" \| "invoice_no"'/,
  },
  {
    use: chart("grid('x', { from: daily, columns: ['day'], sort: 'price' })"),
    says: /"price"' .* '"day" \| "revenue"/,
  },
  {
    use: chart("grid('x', { from: sales, columns: ['at'], formats: { price: 'GBP' } })"),
    says: /'price' does not exist in type '\{ readonly at\?: .*readonly invoice_no/,
  },
  {
    use: chart("line('x', { from: sales, x: 'when', y: 'orders' })"),
    says: /"when"' .* '"at" \| "invoice_no"'/,
  },
  {
    use: chart("line('x', { from: known, x: 'day', y: 'sold', color: 'land' })"),
    says: /"land"' .* '"day" \| "sold"/,
  },
  {
    use: chart("kpi('x', { from: sales, value: 'order' })"),
    says: /"order"' .* '"orders" \| Sql'\. Did you mean '"orders"'/,
  },
  {
    use: chart("kpi('x', { from: sales, value: 'invoice_no' })"),
    says: /"invoice_no"' .* '"orders" \| Sql'/,
  },
  {
    use: chart("bar('x', { from: daily, x: 'day', y: 'median' })"),
    says: /"median"' .* '"day" \| "mean" \| "revenue" \| Sql'/,
  },
  {
    use: chart("kpi('x', { from: known, value: 'bought' })"),
    says: /"bought"' .* '"day" \| "sold" \| Sql'/,
  },
  {
    use: chart("kpi('x', { from: sales, value: 'orders', format: 'money' })"),
    says: /"money"' .* "compact" .* "percent" .* Uppercase<string>/,
  },
  {
    use: chart("bar('x', { from: daily, x: 'day', y: 'mean', format: 'gbp' })"),
    says: /"gbp"' .* "compact" .* Uppercase<string>/,
  },
  {
    use: chart("area('x', { from: sales, x: 'at', y: 'orders', by: 'decade' })"),
    says: /"decade"' .* "month"/,
  },
  {
    use: chart("kpi('x', { from: sales, value: 'orders', top: 3 })"),
    says: /'top' does not exist in type 'KpiOptions/,
  },
  { use: chart('select(sales.fields.price)'), says: /'price' does not exist on type/ },
  {
    use: chart("search({ from: daily, column: 'land' })"),
    says: /"land"' .* '"day" \| "revenue"'/,
  },
  { use: chart('period({ default: 7 })'), says: /'number' .* 'string'/ },
  { use: 'f.boolean().min(1);', says: /'min' does not exist/ },
];

/** Each wrong use on a line of its own, in one file: the compiler takes most of a second to start. */
let compiled: Promise<string[]> | undefined;
function errorsAt(line: number): Promise<string[]> {
  compiled ??= compilePipeline(`${SALES}${WRONG.map(({ use }) => use).join('\n')}\n`).then(
    ({ out }) =>
      // A message goes on in lines that are indented.
      out.trim().split(/\n(?! )/),
  );
  const place = `pipeline.ts(${SALES.split('\n').length + line},`;
  return compiled.then((errors) => errors.filter((error) => error.includes(place)));
}

test.each(WRONG.map((wrong, line) => ({ ...wrong, line })))(
  'the compiler names the wrong word and the right ones: $use',
  async ({ line, says }) => {
    const errors = await errorsAt(line);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(says);
  },
);

test('control: the same pipeline without the wrong use compiles', async () => {
  expect(await compilePipeline(SALES)).toEqual({ code: 0, out: '' });
});
