import { expect, test } from 'vitest';
import { parsePrefix, prefixProblem, renderPrefix } from '../../src/definition/file-prefix.ts';
import { field as f, sql, stream } from '../../src/index.ts';

const AT = Date.UTC(2026, 2, 7, 15, 4, 9, 87);

function rendered(prefix: string, atMs = AT, keys: { readonly [name: string]: string } = {}) {
  const parts = parsePrefix(prefix);
  if ('problem' in parts) throw new Error(parts.problem);
  return renderPrefix(parts, { atMs, random: 'r4nd0m', keys, errorType: 'failed' });
}

const time = (pattern: string, atMs = AT) => rendered(`!{timestamp:${pattern}}`, atMs);

test.each([
  ['yyyy/MM/dd/HH', '2026/03/07/15'],
  ['y-M-d', '2026-3-7'],
  ['uuuu yy yyyyy', '2026 26 02026'],
  ['MMM MMMM LLL', 'Mar March Mar'],
  ['D DDD', '66 066'],
  ['E EEEE', 'Sat Saturday'],
  ['hh h a, kk, KK', '03 3 PM, 15, 03'],
  ['mm:ss.SSS', '04:09.087'],
  ['m s S SSSSSS', '4 9 0 087000'],
  ['Q QQ QQQ', '1 01 Q1'],
  ['A n N', '54249087 87000000 54249087000000'],
  ["yyyy-MM-dd'T'HH''mm", "2026-03-07T15'04"],
  ["'it''s' yyyy", "it's 2026"],
  ['X xxx Z z G', 'Z +00:00 +0000 UTC AD'],
])('!{timestamp:%s} is what Java makes of it: %s', (pattern, text) => {
  expect(time(pattern)).toBe(text);
});

test('midnight, noon and the ends of a year', () => {
  const midnight = Date.UTC(2024, 11, 31);
  expect(time('HH kk KK hh a D', midnight)).toBe('00 24 00 12 AM 366');
  expect(time('HH kk KK hh a', midnight + 12 * 3_600_000)).toBe('12 12 00 12 PM');
});

test.each([
  ['!{timestamp:YYYY/MM}', /YYYY is the year of a week.*write yyyy/],
  ['!{timestamp:ww}', /ww depends on where weeks begin/],
  ['!{timestamp:yyyy-MM-ddTHH}', /T is no part of a time.*'T'/],
  ['!{timestamp:HHH}', /HHH has more than 2/],
  ["!{timestamp:yyyy'}", /without its second one/],
  ['!{timestamp:yyyy[MM]}', /unquoted/],
  ['!{timestamp:}', /is empty/],
  ['!{timestamp:yyyy', /no `}` at its end/],
  ['!{firehose:year}', /random-string or firehose:error-output-type/],
  ['!{partitionKeyFromLambda:a}', /no Lambda here/],
  ['!{partitionKeyFromQuery:}', /names no partition key/],
  ['!{country}', /write !\{timestamp:…\}/],
])('%s is refused with what to write', (prefix, message) => {
  const parts = parsePrefix(prefix);
  expect('problem' in parts && parts.problem).toMatch(message);
});

test('text around expressions stays as it is, braces and marks of its own too', () => {
  expect(rendered('a{b}!c/!{firehose:random-string}/$1-!{firehose:error-output-type}')).toBe(
    'a{b}!c/r4nd0m/$1-failed',
  );
});

test.each([
  ['FR', 'FR'],
  ['a/b', 'a%2Fb'],
  ['..', '%2E%2E'],
  ['.', '%2E'],
  ['50%', '50%25'],
  ['a=b', 'a%3Db'],
  ['x\ny\u0000', 'x%0Ay%00'],
  ['São Paulo', 'São Paulo'],
  ['2026-03-07 15:04:09', '2026-03-07 15%3A04%3A09'],
])('the value %j is %s in a path', (value, text) => {
  expect(rendered('c=!{partitionKeyFromQuery:c}/', AT, { c: value })).toBe(`c=${text}/`);
});

test('a path that no disk takes is known before it is tried', () => {
  expect(prefixProblem('year=2026/')).toBeUndefined();
  expect(prefixProblem(`c=${'é'.repeat(100)}/`)).toMatch(/folder .* more than 200 bytes/);
  expect(prefixProblem('a/'.repeat(300))).toMatch(/more than 512 bytes/);
});

const fields = { country: f.string(), n: f.int().optional() };
const settingsOf = (files: object) =>
  stream('sales', { fields, files: { to: 'out', format: 'parquet', ...files } as never }).settings
    .files;

test('defaults: a folder an hour, zstd in Parquet and gzip elsewhere, 60 s and 128 MB', () => {
  const { prefix, ...others } = settingsOf({}) ?? { prefix: [] };
  expect(renderPrefix(prefix, { atMs: AT, random: '' })).toBe('2026/03/07/15/');
  expect(others).toMatchObject({ compression: 'zstd', everyMs: 60_000, bytesMax: 128 * 1024 ** 2 });
  expect(settingsOf({ format: 'csv' })).toMatchObject({ compression: 'gzip' });
  const plain = settingsOf({ prefix: 'sales/' })?.prefix ?? [];
  expect(renderPrefix(plain, { atMs: AT, random: '' }), 'as Firehose does').toBe(
    'sales/2026/03/07/15/',
  );
});

const other = stream('other', { fields: { country: f.string() } });
const KEYED = { prefix: 'c=!{partitionKeyFromQuery:c}/', partitionKeys: { c: 'country' } };

test.each([
  [{ format: 'xml' }, /parquet, ndjson, csv, avro, orc/],
  [{ format: 'json' }, /`files.format` must be one of parquet, ndjson, csv, avro/],
  [{ format: 'avro', compression: 'snappy' }, /of avro must be one of gzip, none/],
  [{ to: 'gs://bucket' }, /`files.to` must be a folder, or 's3:/],
  [{ prefixes: 'a' }, /no option `prefixes`/],
  [{ prefix: '!{timestamp:YYYY}/' }, /`files.prefix`: .*write yyyy/],
  [{ prefix: '../a/!{timestamp:yyyy}/' }, /`files.prefix` must be a path below/],
  [{ prefix: '/a/' }, /`files.prefix` must be a path below/],
  [{ prefix: 'a//b/' }, /`files.prefix` must be a path below/],
  [{ prefix: '.millrace/' }, /unfinished/],
  [{ ...KEYED, partitionKeys: {} }, /names the partition key 'c'.*there are: none/],
  [{ partitionKeys: { c: 'country' } }, /`files.partitionKeys.c` is not used/],
  [{ ...KEYED, partitionKeys: { c: 'nope' } }, /names 'nope', which is not a field.*country, n/],
  [{ ...KEYED, partitionKeys: { c: 5 } }, /must be a field's name, or sql/],
  [
    { ...KEYED, partitionKeys: { c: sql`${other.fields.country}` } },
    /may only use fields of the stream/,
  ],
  [{ prefix: 'a/!{firehose:error-output-type}/' }, /Use it in `files.errorPrefix`/],
  [{ errorPrefix: 'errors/' }, /must have !\{firehose:error-output-type\}/],
  [
    { errorPrefix: 'e/!{firehose:error-output-type}/!{partitionKeyFromQuery:c}/' },
    /have no value for it/,
  ],
  [{ every: 'soon' }, /`files.every`/],
  [{ maxBytes: '5' }, /`files.maxBytes`/],
])('files %j is refused', (files, message) => {
  expect(() => settingsOf(files)).toThrow(message);
});
