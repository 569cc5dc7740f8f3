import { isUtf8 } from 'node:buffer';
import type { NamedField } from '../core/field-types.ts';
import type { Rejected } from '../ingest/decode.ts';
import type { Plan, StreamPlan } from '../plan/plan.ts';
import type { StreamLog } from '../stream/stream-store.ts';

/** Dead letters are records of a log of their own, so they are as durable as what was accepted. */
const text = (name: string, optional: boolean): NamedField => ({
  name,
  type: { kind: 'string' },
  optional,
});

export const DEAD_LETTER_FIELDS: readonly NamedField[] = Object.freeze([
  text('code', false),
  text('field', true),
  text('message', false),
  { ...text('record', true), description: 'The record as it was sent, where it is UTF-8.' },
  {
    name: 'bytes',
    type: { kind: 'binary' },
    optional: true,
    description: 'The record as it was sent, where it is not UTF-8.',
  },
]);

/** Streams that ask for it, and those with lookups: a key can be too long for its lookup. */
export function keepsDeadLetters(stream: StreamPlan, plan: Plan): boolean {
  return (
    stream.invalid === 'deadletter' || plan.lookups.some((lookup) => lookup.from === stream.name)
  );
}

type Letter = Pick<Rejected, 'code' | 'field' | 'message' | 'bytes'>;

export async function storeDeadLetters(log: StreamLog, letters: readonly Letter[]): Promise<void> {
  const lines = letters.map(({ code, field, message, bytes }) => {
    const readable = isUtf8(bytes) && !bytes.includes(0);
    return JSON.stringify({
      code,
      ...(field === undefined ? {} : { field }),
      message,
      ...(readable ? { record: bytes.toString() } : { bytes: bytes.toString('base64') }),
    });
  });
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const starts = new Uint32Array(lines.length);
  const ends = new Uint32Array(lines.length);
  let at = 0;
  for (const [index, line] of lines.entries()) {
    starts[index] = at;
    at += Buffer.byteLength(line);
    ends[index] = at;
    at += 1;
  }
  await log.append({
    bytes,
    count: lines.length,
    starts,
    ends,
    shards: new Uint16Array(lines.length),
    routing: log.routing.version,
  });
}
