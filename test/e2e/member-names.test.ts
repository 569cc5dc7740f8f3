import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { askSql, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

/** Names that producers give members a stream has no field for: any text may be one. */

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261121);
const FIELDS = ['id', 'note', 'part'];

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
const fields = { id: f.int(), note: f.string().optional(), part: f.struct({ x: f.int().optional() }).optional() };
export const kept = stream('kept', { fields, unknown: 'keep' });
export const dropped = stream('dropped', { fields, unknown: 'drop' });
export const by_id = lookup('by_id', { from: kept, key: 'id' });
`;

const name = fc.oneof(
  fc.constantFrom(
    ...['', '.', ':', '/', '+', '*', '_rest', '_shard', '_sequence_number', '_arrived_at', 'r'],
    ...['ID', 'Id', 'iD', 'NOTE', 'Part', 'id ', ' id', '"id"', "'id'", 'part.x', 'x', '\\', '\n'],
    ...[
      '__proto__',
      'constructor',
      'toString',
      'null',
      'İd',
      'ıd',
      'ｉｄ',
      'i\u0307d',
      'e\u0301',
      'é',
    ],
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const storable = (text: string) => text.isWellFormed() && !text.includes('\0');
const members = fc.uniqueArray(
  fc.tuple(
    name.filter((text) => storable(text) && !FIELDS.includes(text)),
    fc
      .jsonValue({ maxDepth: 2 })
      .filter((value) => storable(JSON.stringify(value)))
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  ),
  { maxLength: 6, selector: ([text]) => text },
);
/** What is sent, and what is in its fields. */
const sent = fc.record({
  note: fc.option(fc.string({ maxLength: 5 }).filter(storable)),
  x: fc.option(fc.integer({ min: -5, max: 5 })),
  others: members,
  inPart: members,
  fieldsFirst: fc.boolean(),
  escapes: fc.boolean(),
});
type Sent = typeof sent extends fc.Arbitrary<infer S> ? S : never;

async function send(app: App, stream: string, body: string): Promise<unknown> {
  const response = await fetch(`${app.address}/v1/streams/${stream}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  return response.json();
}

/** A JSON object of these members, names as they are or in \\u escapes. */
function objectText(pairs: readonly (readonly [string, string])[], escapes = false): string {
  const quoted = (text: string) =>
    escapes
      ? `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(text);
  return `{${pairs.map(([member, value]) => `${quoted(member)}:${value}`).join(',')}}`;
}

function lineOf(record: Sent, id: number, isKept: boolean): string {
  const texts = (pairs: Sent['others']) =>
    pairs.map(([member, value]) => [member, JSON.stringify(value)] as const);
  const part: (readonly [string, string])[] = [['x', JSON.stringify(record.x)]];
  if (!isKept) part.push(...texts(record.inPart).filter(([member]) => member !== 'x'));
  const fields = [
    ['id', String(id)],
    ['note', JSON.stringify(record.note)],
    ['part', objectText(part)],
  ] as const;
  const others = texts(record.others);
  return objectText(
    record.fieldsFirst ? [...fields, ...others] : [...others, ...fields],
    record.escapes,
  );
}

test(`a member of any name leaves every record readable, and is kept or dropped as the stream says (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  const app = await startApp(folder, PIPELINE);
  const records = fc.sample(sent, { seed: SEED, numRuns: 1500 });
  for (const stream of ['kept', 'dropped']) {
    const lines = records.map((record, id) => lineOf(record, id, stream === 'kept'));
    expect(await send(app, stream, lines.join('\n'))).toMatchObject({
      accepted: records.length,
      rejected: [],
    });
  }
  const fields = records.map(({ note, x }, id) => [id, note, { x }]);
  const rests = records.map(({ others }) => (others.length === 0 ? null : others));
  const check = async () => {
    const rows = (await askSql(
      app,
      'select id, note, part, _rest from records.kept order by id',
    )) as [number, string, object, string | null][];
    expect(rows.map((row) => row.slice(0, 3))).toEqual(fields);
    expect(
      rows.map(([, , , rest]) => rest && Object.entries(JSON.parse(rest) as object).sort(byName)),
    ).toEqual(rests.map((rest) => rest && Object.entries(Object.fromEntries(rest)).sort(byName)));
    expect(await askSql(app, 'select id, note, part from records.dropped order by id')).toEqual(
      fields,
    );
  };
  await check();
  for (const stream of ['kept', 'dropped'])
    await app.current?.stream(stream).delivery?.deliverNow();
  await check();
  const entries = await eventually(async () => {
    const answer = await fetch(`${app.address}/v1/lookups/by_id/${records.length - 1}`);
    return answer.status === 200 ? ((await answer.json()) as object) : undefined;
  });
  expect(JSON.stringify(entries)).toContain(`"id":${records.length - 1}`);
});

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

test.each([
  ['kept', '{"id":1,"_rest":"x"}', '{"_rest":"x"}'],
  ['kept', '{"id":1,".":5,":":6,"/":7}', '{".":5,":":6,"/":7}'],
  ['dropped', '{"id":1,".":5,":":6,"/":7}', undefined],
])('stream %s takes %s and goes on', async (stream, record, rest) => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  await send(app, stream, record);
  await send(app, stream, '{"id":2}');
  const expected =
    rest === undefined
      ? [[1], [2]]
      : [
          [1, rest],
          [2, null],
        ];
  const columns = rest === undefined ? 'id' : 'id, _rest';
  expect(await askSql(app, `select ${columns} from records.${stream} order by id`)).toEqual(
    expected,
  );
  await app.current?.stream(stream).delivery?.deliverNow();
  expect(await askSql(app, `select ${columns} from lake.${stream} order by id`)).toEqual(expected);
});
