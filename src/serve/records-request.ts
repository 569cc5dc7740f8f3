import { isInstant, parseInstant } from '../core/calendar.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { RecordForm } from '../stream/record-lines.ts';
import type { AskedRecords, ReadStart } from './services.ts';

export type RecordsQuery = { readonly [name: string]: string | string[] | undefined };

const PARAMETERS = ['from', 'until', 'shard', 'key', 'limit', 'follow'];
const TRUE_OR_FALSE: { readonly [text: string]: boolean } = { true: true, false: false };

const wrong = (name: string, must: string, got: string): MillraceError =>
  new MillraceError(
    'MR_REQUEST_INVALID',
    `Parameter '${name}' must be ${must}, got ${JSON.stringify(got.slice(0, 60))}.`,
  );

/** What a request for records asks for. @throws MillraceError naming the parameter that is wrong. */
export function parseRecordsQuery(
  query: RecordsQuery,
  form: RecordForm,
  lastEventId: string | undefined,
): AskedRecords {
  const single = (name: string) => {
    const value = query[name];
    if (!Array.isArray(value)) return value;
    throw new MillraceError('MR_REQUEST_INVALID', `Parameter '${name}' is there twice.`);
  };
  refuseUnknown(query);
  const start = startOf(single('from') ?? 'earliest');
  const isResumed = form === 'events' && lastEventId !== undefined && lastEventId !== '';
  const until = single('until');
  const limit = single('limit');
  const key = single('key');
  const follow = followOf(single('follow'), form);
  const { shard } = query;
  return {
    form,
    from: isResumed ? behind(lastEventId) : start,
    follow,
    ...(typeof start === 'object' && 'timeMs' in start ? { sinceMs: start.timeMs } : {}),
    ...(until === undefined ? {} : { until: numberOf('until', until) }),
    ...(limit === undefined ? {} : { limit: limitOf(limit) }),
    ...(key === undefined ? {} : { key }),
    ...(shard === undefined ? {} : { shards: shardsOf([shard].flat()) }),
  };
}

function refuseUnknown(query: RecordsQuery): void {
  const unknown = Object.keys(query).find((name) => !PARAMETERS.includes(name));
  if (unknown === undefined) return;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `There is no parameter '${unknown}'. Parameters are: ${PARAMETERS.join(', ')}.`,
  );
}

function behind(lastEventId: string): ReadStart {
  // A stream without records is read from -1 on.
  if (/^(-1|\d{1,15})$/.test(lastEventId)) return { sequence: Number(lastEventId) + 1 };
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `Last-Event-ID must be the sequence number of the last record that came, got ${JSON.stringify(lastEventId.slice(0, 60))}.`,
  );
}

function startOf(text: string): ReadStart {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d{1,15}$/.test(text)) return { sequence: Number(text) };
  // In an address a plus sign stands for a space: +01:00 comes as ` 01:00`.
  const instant = text.replace(/(T.*) (?=\d\d:?\d\d$)/, '$1+');
  if (isInstant(instant)) return { timeMs: Number((parseInstant(instant) + 999n) / 1000n) };
  throw wrong(
    'from',
    "'earliest', 'latest', a sequence number, or a time with its offset such as 2026-01-31T08:00:00Z",
    text,
  );
}

function numberOf(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw wrong(name, 'a sequence number', text);
}

function limitOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw wrong('limit', 'a whole number above 0', text);
}

function shardsOf(texts: readonly string[]): number[] {
  const shards = texts.flatMap((text) => text.split(','));
  const strange = shards.find((text) => !/^\d{1,5}$/.test(text));
  if (strange !== undefined) throw wrong('shard', 'numbers of shards, such as 0,3', strange);
  if (shards.length > LIMITS.shardsMax)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `Parameter 'shard' names more than ${LIMITS.shardsMax} shards. Leave it out to read all.`,
    );
  return shards.map(Number);
}

function followOf(text: string | undefined, form: RecordForm): boolean {
  const asked = text === undefined ? form === 'events' : TRUE_OR_FALSE[text];
  if (asked === undefined) throw wrong('follow', 'true or false', text as string);
  if (asked || form === 'ndjson') return asked;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    "Parameter 'follow': server-sent events always follow. Ask for application/x-ndjson, or leave it out.",
  );
}

const FORMS: readonly { readonly type: string; readonly form: RecordForm }[] = [
  { type: 'application/x-ndjson', form: 'ndjson' },
  { type: 'application/ndjson', form: 'ndjson' },
  { type: 'application/jsonl', form: 'ndjson' },
  { type: 'text/event-stream', form: 'events' },
];

/** The form that the Accept header likes best (RFC 9110, 12.5.1); NDJSON where it likes both. @throws MR_REQUEST_ACCEPT */
export function acceptedForm(accept: string | undefined): RecordForm {
  const ranges = (accept?.trim() || '*/*').split(',').map(rangeOf);
  let [best, bestQuality]: [RecordForm | undefined, number] = [undefined, 0];
  for (const { type, form } of FORMS) {
    const quality = qualityOf(type, ranges);
    if (quality > bestQuality) [best, bestQuality] = [form, quality];
  }
  if (best) return best;
  throw new MillraceError(
    'MR_REQUEST_ACCEPT',
    `Accept ${JSON.stringify((accept ?? '').slice(0, 100))} names nothing that records come as. Accept application/x-ndjson or text/event-stream.`,
  );
}

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

function rangeOf(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
}

/** Of the range that says most: the type itself, then its kind, then any. */
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  const names = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const name of names) {
    const found = ranges.find((range) => range.type === name);
    if (found) return found.quality;
  }
  return 0;
}
