import { type FieldType, type NamedField, typeText } from '../core/field-types.ts';
import type { DashboardPlan, LookupPlan, ModelPlan, Plan, StreamPlan } from './plan.ts';

export interface PlanChange {
  readonly kind: 'added' | 'changed' | 'renamed' | 'removed' | 'breaking';
  /** `stream sales`, `stream sales, field country`. */
  readonly what: string;
  readonly detail: string;
}

const added = (what: string, detail: string): PlanChange => ({ kind: 'added', what, detail });
const changed = (what: string, detail: string): PlanChange => ({ kind: 'changed', what, detail });
const breaking = (what: string, detail: string): PlanChange => ({ kind: 'breaking', what, detail });

/** What `next` would change in data stored under `previous`. */
export function diffPlans(previous: Plan, next: Plan): PlanChange[] {
  const names = renamedStreams(previous, next);
  const streams = previous.streams.map((stream) => ({
    ...stream,
    name: names.get(stream.name) ?? stream.name,
  }));
  return [
    ...[...names].map(
      ([before, name]): PlanChange => ({
        kind: 'renamed',
        what: `stream ${name}`,
        detail: `was ${before}; its data goes with it`,
      }),
    ),
    ...diffNamed('stream', streams, next.streams, diffStream),
    ...diffNamed('lookup', previous.lookups, next.lookups, diffLookup),
    ...diffNamed(
      'model',
      previous.models,
      next.models,
      diffModel,
      (model) => model.materialize === 'table',
    ),
    ...diffNamed('dashboard', previous.dashboards, next.dashboards, diffDashboard, () => false),
  ];
}

function diffLookup(what: string, before: LookupPlan, after: LookupPlan): PlanChange[] {
  if (!same(entriesBy(before), entriesBy(after)))
    return [
      changed(
        what,
        'key or source changed: its entries are built again from the stream and the lake',
      ),
    ];
  return same(before, after) ? [] : [changed(what, 'options changed')];
}

function diffModel(what: string, before: ModelPlan, after: ModelPlan): PlanChange[] {
  if (!same(before.query, after.query))
    return [changed(what, 'query changed: the next run replaces the result')];
  return same(before, after) ? [] : [changed(what, 'options changed')];
}

function diffDashboard(what: string, before: DashboardPlan, after: DashboardPlan): PlanChange[] {
  return same(before, after) ? [] : [changed(what, 'charts changed')];
}

/** What decides which entries a lookup has. */
const entriesBy = ({ from, key, sort, tombstone }: LookupPlan): unknown => [
  from,
  key,
  sort,
  tombstone ?? null,
];

/** The declared renames that `next` makes, former name to new: a change and not a loss. */
export function renamedStreams(previous: Plan, next: Plan): ReadonlyMap<string, string> {
  const before = previous.streams.map((stream) => stream.name);
  return new Map(
    next.streams.flatMap(({ name, renamedFrom }) =>
      renamedFrom !== undefined && before.includes(renamedFrom) && !before.includes(name)
        ? [[renamedFrom, name] as const]
        : [],
    ),
  );
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function diffNamed<N extends { readonly name: string }>(
  kind: string,
  before: readonly N[],
  after: readonly N[],
  compare: (what: string, before: N, after: N) => PlanChange[],
  hasData: (node: N) => boolean = () => true,
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
        detail: hasData(node)
          ? `its data is kept; \`millrace drop ${node.name}\` removes it`
          : 'it has no data of its own',
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
  if (was && is && !same([was.upsert, was.tombstone], [is.upsert, is.tombstone]))
    changes.push(
      breaking(
        what,
        `upsert ${keyText(was)} → ${keyText(is)}: rows that were stored before stay as they are, two of one key among them`,
      ),
    );
  if (was && is && !same(was.partitionBy, is.partitionBy))
    changes.push(changed(what, 'partitions changed, for files written from now on'));
  if (!same(optionsOf(before), optionsOf(after)) || (was && is && !same(pace(was), pace(is))))
    changes.push(changed(what, 'options changed'));
  return changes;
}

function optionsOf(stream: StreamPlan): object {
  const { fields: _fields, key: _key, shards: _shards, table: _table, ...others } = stream;
  // What it was called before says nothing of how it works.
  const { renamedFrom: _renamedFrom, ...options } = others;
  return options;
}

const keyText = ({ upsert }: Exclude<StreamPlan['table'], false>): string =>
  upsert?.join(', ') ?? 'none';

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
  // Rules of parts are of the type's data, but not of what its stored values are.
  if (typeText(before.type) !== typeText(after.type)) {
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

/** Whether stored values of the one type are values of the other; they are shown as null where they are not. */
export const readsAs = (stored: FieldType, type: FieldType): boolean =>
  same(stored, type) || widens(stored, type);

/** Iceberg's promotions: int → long, float → double, a decimal with more digits before the point. */
export function widens(before: FieldType, after: FieldType): boolean {
  if (before.kind === 'int' && after.kind === 'long') return true;
  if (before.kind === 'float' && after.kind === 'double') return true;
  if (before.kind === 'decimal' && after.kind === 'decimal')
    return before.scale === after.scale && after.precision > before.precision;
  if (before.kind === 'struct' && after.kind === 'struct') {
    const kept = before.fields.every((old) => {
      const now = after.fields.find((field) => field.name === old.name);
      return now !== undefined && readsAs(old.type, now.type) && (now.optional || !old.optional);
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
