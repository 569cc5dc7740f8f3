import { type FormEvent, useEffect, useState } from 'react';
import type { FieldType } from '../../../src/core/field-types.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import type { ApiError } from '../api.ts';
import { useResource } from '../resource.ts';
import { queryRows, quoteName, quoteText } from '../sql-rows.ts';
import { Button } from '../ui/button.tsx';
import { Field, Input, Select } from '../ui/field.tsx';
import {
  type KeyPart,
  type LookupRequest,
  type LookupShape,
  lookupShape,
} from './lookup-request.ts';
import styles from './lookups-page.module.css';

interface LookupFormProps {
  readonly plan: Plan;
  /** What was asked, as the address says. */
  readonly request: LookupRequest;
  readonly error: ApiError | undefined;
  readonly onAsk: (request: LookupRequest) => void;
  readonly onChoose: (lookup: string) => void;
}

/** Which lookup, and which of its entries. */
export function LookupForm({ plan, request, error, onAsk, onChoose }: LookupFormProps) {
  const shape = lookupShape(plan, request.lookup);
  return (
    <>
      <Field label="Lookup" hint={shape?.lookup.description ?? ''}>
        <Select value={request.lookup} onChange={(event) => onChoose(event.target.value)}>
          {!shape && <option value={request.lookup}>choose one</option>}
          {plan.lookups.map(({ name, from }) => (
            <option key={name} value={name}>
              {name} (from {from})
            </option>
          ))}
        </Select>
      </Field>
      {shape && (
        <KeyForm
          key={`${request.lookup} ${request.key} ${request.parts.join(' ')}`}
          shape={shape}
          request={request}
          error={error}
          onAsk={onAsk}
        />
      )}
    </>
  );
}

interface KeyFormProps {
  readonly shape: LookupShape;
  readonly request: LookupRequest;
  readonly error: ApiError | undefined;
  readonly onAsk: (request: LookupRequest) => void;
}

function KeyForm({ shape, request, error, onAsk }: KeyFormProps) {
  const { key, sort, lookup } = shape;
  const [values, setValues] = useState<readonly string[]>([request.key, ...request.parts]);
  const set = (index: number, value: string) =>
    setValues(
      Array.from({ length: sort.length + 1 }, (_, at) =>
        at === index ? value : (values[at] ?? ''),
      ),
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [first = '', ...rest] = values;
    const empty = rest.indexOf('');
    onAsk({
      lookup: lookup.name,
      key: first,
      parts: empty === -1 ? rest : rest.slice(0, empty),
    });
  };
  const wrongField = error?.code === 'MR_LOOKUP_KEY' ? error.details['field'] : undefined;
  return (
    <form className={styles['form']} onSubmit={submit}>
      {[key, ...sort].map((part, index) => (
        <Field
          key={part.name}
          label={part.name}
          hint={index === 0 ? hintOf(part) : `${hintOf(part)}, optional`}
        >
          <Input
            value={values[index] ?? ''}
            required={index === 0}
            disabled={index > 1 && (values[index - 1] ?? '') === ''}
            aria-invalid={part.name === wrongField}
            onChange={(event) => set(index, event.target.value)}
          />
        </Field>
      ))}
      <Button type="submit" variant="primary">
        Look up
      </Button>
      <Suggestions
        shape={shape}
        onPick={(value) => onAsk({ lookup: lookup.name, key: value, parts: [] })}
      />
    </form>
  );
}

const FORMS: { readonly [kind in FieldType['kind']]?: string } = {
  date: 'date, as 2026-11-21',
  timestamp: 'timestamp, as 2026-11-21T10:00:00',
  timestamptz: 'instant, as 2026-11-21T10:00:00Z',
  boolean: 'true or false',
};

function hintOf({ field }: KeyPart): string {
  if (!field) return 'the record’s place in the stream';
  return FORMS[field.type.kind] ?? field.type.kind;
}

const SUGGESTIONS = 5;
/** Of so many newest records the keys are taken: only what is in memory is read. */
const NEWEST = 100;

interface SuggestionsProps {
  readonly shape: LookupShape;
  readonly onPick: (key: string) => void;
}

/** Keys of the newest records, for who does not know one; none where they are about persons. */
function Suggestions({ shape, onPick }: SuggestionsProps) {
  const { key, stream } = shape;
  const isPersonal = key.field?.pii === true;
  const { data = [], error } = useResource(`keys ${shape.lookup.name}`, async (signal) =>
    isPersonal ? [] : newestKeys(stream.name, key.name, signal),
  );
  const [shown, setShown] = useState<readonly string[]>([]);
  useEffect(() => {
    if (data.length > 0) setShown(data);
  }, [data]);
  return (
    <div className={styles['suggestions']}>
      {shown.length > 0 && !error && (
        <>
          <span>Newest:</span>
          {shown.map((value) => (
            <Button key={value} variant="quiet" onClick={() => onPick(value)}>
              {value}
            </Button>
          ))}
        </>
      )}
    </div>
  );
}

async function newestKeys(stream: string, key: string, signal: AbortSignal): Promise<string[]> {
  const [status] = await queryRows(
    `select next_sequence_number - ${NEWEST} as first from sys.streams where name = ${quoteText(stream)}`,
    signal,
  );
  if (!status) return [];
  const rows = await queryRows(
    `select ${quoteName(key)} as key from records.${quoteName(stream)}
     where _sequence_number >= ${status.number('first')} and ${quoteName(key)} is not null
     group by 1 order by max(_sequence_number) desc limit ${SUGGESTIONS}`,
    signal,
  );
  return rows.map((row) => row.text('key'));
}
