import { type FieldType, type NamedField, typeText } from '../core/field-types.ts';
import type { LookupPlan, Plan, StreamPlan } from './plan.ts';

export interface PlanChange {
  readonly kind: 'added' | 'changed' | 'removed' | 'breaking';
  /** `stream sales`, `stream sales, field country`. */
  readonly what: string;
  readonly detail: string;
}

const added = (what: string, detail: string): PlanChange => ({ kind: 'added', what, detail });
const changed = (what: string, detail: string): PlanChange => ({ kind: 'changed', what, detail });
const breaking = (what: string, detail: string): PlanChange => ({ kind: 'breaking', what, detail });

/** What `next` would change in data stored under `previous`. */
export function diffPlans(previous: Plan, next: Plan): PlanChange[] {
  return [
    ...diffNamed('stream', renamed(previous.streams, next.streams), next.streams, diffStream),
    ...diffNamed('lookup', previous.lookups, next.lookups, (what, before, after) =>
      same(entriesBy(before), entriesBy(after))
        ? same(before, after)
          ? []
          : [changed(what, 'options changed')]
        : [
            changed(
              what,
              'key or source changed: its entries are built again from the stream and the lake',
            ),
          ],
    ),
    ...diffNamed('model', previous.models, next.models, (what, before, after) =>
      same(before, after)
        ? []
        : [
            changed(
              what,
              same(before.query, after.query)
                ? 'options changed'
                : 'query changed: the next run replaces the result',
            ),
          ],
    ),
    ...diffNamed('dashboard', previous.dashboards, next.dashboards, (what, before, after) =>
      same(before, after) ? [] : [changed(what, 'charts changed')],
    ),
  ];
}

/** What decides which entries a lookup has. */
const entriesBy = ({ from, key, sort, tombstone }: LookupPlan): unknown => [
  from,
  key,
  sort,
  tombstone ?? null,
];

/** Streams before under the names they have now, so that a declared rename is a change and not a loss. */
function renamed(before: readonly StreamPlan[], after: readonly StreamPlan[]): StreamPlan[] {
  return before.map((stream) => {
    const heir = after.find((other) => other.renamedFrom === stream.name);
    const isTaken = heir && before.some((other) => other.name === heir.name);
    return heir && !isTaken ? { ...stream, name: heir.name } : stream;
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function diffNamed<N extends { readonly name: string }>(
  kind: string,
  before: readonly N[],
  after: readonly N[],
  compare: (what: string, before: N, after: N) => PlanChange[],
): PlanChange[] {
  const gone = before.filter((node) => !after.some((other) => other.name === node.name));
  return [
    ...after.flatMap((node) => {
      const old = before.find((other) => other.name === node.name);
      return old
        ? compare(`${kind} ${node.name}`, old, node)
        : [added(`${kind} ${node.name}`, 'new')];
    }),
    ...gone.map(
      (node): PlanChange => ({
        kind: 'removed',
        what: `${kind} ${node.name}`,
        detail: 'its data is kept',
      }),
    ),
  ];
}

function diffStream(what: string, before: StreamPlan, after: StreamPlan): PlanChange[] {
  const changes = [...diffFields(what, before.fields, after.fields)];
  if (before.key !== after.key)
    changes.push(
      breaking(
        what,
        `key ${before.key ?? 'none'} → ${after.key ?? 'none'}: records of one key would not stay in order across the change`,
      ),
    );
  if (before.shards !== after.shards)
    changes.push(
      changed(
        what,
        `shards ${before.shards} → ${after.shards}; records of one key stay in order across the change`,
      ),
    );
  if (before.table !== false && after.table === false)
    changes.push(
      changed(what, 'no table any more: delivered rows stay, new ones are not delivered'),
    );
  if (before.table === false && after.table !== false)
    changes.push(added(what, `table lake.${after.name}`));
  const [was, is] = [before.table || undefined, after.table || undefined];
  if (was && is && !same(was.partitionBy, is.partitionBy))
    changes.push(changed(what, 'partitions changed, for files written from now on'));
  if (!same(optionsOf(before), optionsOf(after)) || (was && is && !same(pace(was), pace(is))))
    changes.push(changed(what, 'options changed'));
  return changes;
}

function optionsOf(stream: StreamPlan): object {
  const { fields: _fields, key: _key, shards: _shards, table: _table, ...options } = stream;
  return options;
}

const pace = ({ everyMs, bytesMax }: Exclude<StreamPlan['table'], false>): unknown => [
  everyMs,
  bytesMax,
];

function diffFields(
  what: string,
  before: readonly NamedField[],
  after: readonly NamedField[],
): PlanChange[] {
  const changes: PlanChange[] = [];
  for (const field of after) {
    const name = `${what}, field ${field.name}`;
    const old = before.find((candidate) => candidate.name === field.name);
    if (old) changes.push(...diffField(name, old, field));
    else if (field.optional)
      changes.push(
        added(
          name,
          `${typeText(field.type)}, optional: records stored before have null${field.default === undefined ? '' : ', later ones the default'}`,
        ),
      );
    else
      changes.push(
        breaking(
          name,
          'new and required: records stored before have no value. Make it .optional() or give it a .default(): they have null then',
        ),
      );
  }
  for (const field of before) {
    if (!after.some((candidate) => candidate.name === field.name))
      changes.push(
        breaking(
          `${what}, field ${field.name}`,
          'removed: its stored values would no longer be shown',
        ),
      );
  }
  return changes;
}

function diffField(name: string, before: NamedField, after: NamedField): PlanChange[] {
  if (!same(before.type, after.type)) {
    if (widens(before.type, after.type))
      return [changed(name, `${typeText(before.type)} → ${typeText(after.type)}`)];
    return [
      breaking(
        name,
        `${typeText(before.type)} → ${typeText(after.type)}: stored values do not fit; they would be shown as null`,
      ),
    ];
  }
  if (before.optional && !after.optional)
    return [breaking(name, 'now required: rows stored before may have null')];
  return same(before, after)
    ? []
    : [
        changed(
          name,
          before.optional === after.optional ? 'rules changed, for new records' : 'now optional',
        ),
      ];
}

/** Iceberg's promotions: int → long, float → double, a decimal with more digits before the point. */
export function widens(before: FieldType, after: FieldType): boolean {
  if (before.kind === 'int' && after.kind === 'long') return true;
  if (before.kind === 'float' && after.kind === 'double') return true;
  if (before.kind === 'decimal' && after.kind === 'decimal')
    return before.scale === after.scale && after.precision > before.precision;
  if (before.kind === 'struct' && after.kind === 'struct') {
    const kept = before.fields.every((old) => {
      const now = after.fields.find((field) => field.name === old.name);
      return (
        now !== undefined &&
        (same(old.type, now.type) || widens(old.type, now.type)) &&
        (now.optional || !old.optional)
      );
    });
    return (
      kept &&
      after.fields.every(
        (now) => now.optional || before.fields.some((old) => old.name === now.name),
      )
    );
  }
  return false;
}
