import { MillraceError } from '../core/errors.ts';
import type { FieldSpec, NamedField } from '../core/field-types.ts';
import { valueProblem } from '../core/field-values.ts';
import type { JsonNode } from '../core/json-node.ts';
import { fieldHistory, storedField } from '../plan/field-history.ts';
import type { KeyFilter } from '../stream/record-reader.ts';
import type { SchemaVersion } from '../stream/stream-store.ts';
import { canonicalValue, memberOfToday, membersOf } from './canonical-row.ts';

const BACKSLASH = 92;
const NO_MEMBERS: ReadonlyMap<string, JsonNode> = new Map();

/**
 * Records whose field equals `text`, as SQL over `records.<stream>` compares them: in the field's one form,
 * with the default of its time, and null where a record was stored before the field or under another type.
 * Which shard holds a key is not asked: shards and the key itself may have changed since records were stored.
 *
 * @throws MillraceError MR_REQUEST_INVALID where no value of the field is written so.
 */
export function keyFilter(
  text: string,
  field: NamedField,
  schemas: readonly SchemaVersion[],
): KeyFilter {
  const node = nodeOf(text, field);
  const problem = valueProblem({ type: field.type, optional: false }, node, {
    path: field.name,
    unknown: 'refuse',
  });
  if (problem)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `Parameter 'key' is no value of the key field. ${problem.message}`,
    );
  const wanted = canonicalValue(field, node);
  const histories = new Map(
    schemas.map(({ version }) => [version, fieldHistory(field, schemas, version)]),
  );
  const isAsWritten = [...histories.values()].every(
    (history) =>
      history === undefined ||
      (storedField(history).from === undefined && memberOfToday(history, NO_MEMBERS) !== wanted),
  );
  return {
    mayMatch: isAsWritten ? byBytes(text, field, wanted) : () => true,
    matches: (line, schemaVersion) => {
      const history = histories.get(schemaVersion);
      return history !== undefined && memberOfToday(history, membersOf(line.toString())) === wanted;
    },
  };
}

function nodeOf(text: string, { type }: FieldSpec): JsonNode {
  if (type.kind === 'int' || type.kind === 'long') return { kind: 'number', text };
  if (type.kind === 'boolean' && (text === 'true' || text === 'false'))
    return { kind: 'boolean', value: text === 'true' };
  return { kind: 'string', value: text };
}

/** Bytes that each record with this value has, unless it writes a character as an escape. */
function byBytes(text: string, { type }: FieldSpec, wanted: string): KeyFilter['mayMatch'] {
  if (type.kind === 'uuid') {
    const needle = wanted.slice(1, -1);
    return (bytes) =>
      bytes.includes(BACKSLASH) || bytes.toString('latin1').toLowerCase().includes(needle);
  }
  const needle = Buffer.from(needleOf(text, type.kind, wanted));
  return (bytes) => bytes.includes(needle) || bytes.includes(BACKSLASH);
}

function needleOf(text: string, kind: FieldSpec['type']['kind'], wanted: string): string {
  switch (kind) {
    case 'string':
      return wanted;
    case 'timestamp':
      // The time may be written with fewer digits, the day may not.
      return text.slice(0, 10);
    case 'int':
    case 'long':
      return wanted.replaceAll('"', '');
    default:
      return text;
  }
}
