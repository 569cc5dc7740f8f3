import { type FieldSpec, type FieldType, type NamedField, typeText } from '../core/field-types.ts';
import type { SqlPart } from '../definition/sql.ts';
import { formerField, readsAs } from './field-history.ts';
import type {
  DashboardPlan,
  EndpointPlan,
  LookupPlan,
  ModelPlan,
  Plan,
  StreamPlan,
} from './plan.ts';

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
    ...diffNamed('endpoint', previous.endpoints, next.endpoints, diffEndpoint, () => false),
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

function diffEndpoint(what: string, before: EndpointPlan, after: EndpointPlan): PlanChange[] {
  return same(before, after) ? [] : [changed(what, 'question changed')];
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
  const changes = diffLevel(
    (name) => `${what}, field ${name}`,
    what,
    before.fields,
    after.fields,
    NEW_FIELD,
  );
  return [...changes, ...diffSettings(what, withNamesOf(before, after), after)];
}

function diffSettings(what: string, before: StreamPlan, after: StreamPlan): PlanChange[] {
  const changes: PlanChange[] = [];
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
  if (was && is && !same(was.sortBy, is.sortBy))
    changes.push(changed(what, 'sort order changed, for files written from now on'));
  changes.push(...diffFiles(what, before.files, after.files));
  if (!same(optionsOf(before), optionsOf(after)) || (was && is && !same(pace(was), pace(is))))
    changes.push(changed(what, 'options changed'));
  return changes;
}

function diffFiles(
  what: string,
  before: StreamPlan['files'],
  after: StreamPlan['files'],
): PlanChange[] {
  if (!before && after)
    return [
      added(what, `files (${after.format}) in ${after.to}, with all records still in the stream`),
    ];
  if (before && !after)
    return [
      changed(what, `no files in ${before.to} any more: those that are there stay as they are`),
    ];
  if (!before || !after) return [];
  const parts = [
    ...(before.to === after.to ? [] : [`target ${before.to} → ${after.to}`]),
    ...(before.format === after.format ? [] : [`format ${before.format} → ${after.format}`]),
    ...(before.compression === after.compression
      ? []
      : [`compression ${before.compression} → ${after.compression}`]),
    ...(same(namesOf(before), namesOf(after)) ? [] : ['prefixes or partition keys changed']),
  ];
  if (parts.length > 0)
    return [changed(what, `files: ${parts.join(', ')}, for those delivered from now on`)];
  return same(before, after) ? [] : [changed(what, 'files: every or maxBytes changed')];
}

/** What names of files are made of. */
const namesOf = (files: NonNullable<StreamPlan['files']>): unknown => [
  files.prefix,
  files.errorPrefix,
  files.partitionKeys,
];

/** The stream before, with its fields called as they are now: options that name a renamed one are not changed. */
function withNamesOf(before: StreamPlan, after: StreamPlan): StreamPlan {
  const names = new Map(
    after.fields.flatMap((field) => {
      const was = formerField(field, before.fields);
      return was ? [[was.name, field.name] as const] : [];
    }),
  );
  const now = (name: string): string => names.get(name) ?? name;
  const renamed = <P extends { readonly field: string }>(part: P): P => ({
    ...part,
    field: now(part.field),
  });
  const columnNow = (part: SqlPart): SqlPart =>
    'column' in part ? { ...part, column: now(part.column) } : part;
  const { key, time, dedupe, table, files } = before;
  return {
    ...before,
    ...(key === undefined ? {} : { key: now(key) }),
    ...(time === undefined ? {} : { time: now(time) }),
    ...(dedupe === undefined ? {} : { dedupe: { ...dedupe, by: now(dedupe.by) } }),
    ...(files === undefined
      ? {}
      : {
          files: {
            ...files,
            partitionKeys: files.partitionKeys.map(({ name, value }) => ({
              name,
              value: { ...value, parts: value.parts.map(columnNow) },
            })),
          },
        }),
    table: table && {
      ...table,
      partitionBy: table.partitionBy.map(renamed),
      ...(table.sortBy === undefined ? {} : { sortBy: table.sortBy.map(renamed) }),
    },
  };
}

function optionsOf(stream: StreamPlan): object {
  const { fields: _fields, key: _key, shards: _shards, table: _table, ...more } = stream;
  const { files: _files, ...others } = more;
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

const NEW_FIELD = 'Make it .optional() or give it a .default(): they have null then';
const NEW_PART = 'Make it .optional(): they have null then';

/** @param naming of a field of this level, and `what` of all of them */
function diffLevel(
  naming: (name: string) => string,
  what: string,
  before: readonly NamedField[],
  after: readonly NamedField[],
  advice: string,
): PlanChange[] {
  const pairs = after.map((field) => ({ field, was: formerField(field, before) }));
  const changes = pairs.flatMap(({ field, was }) => {
    const name = naming(field.name);
    if (!was) return [newField(name, field, advice)];
    const own = diffField(name, was, field);
    return was.name === field.name ? own : [renamed(name, was.name), ...own];
  });
  const kept = pairs.flatMap(({ was }) => (was ? [was] : []));
  const gone = before.filter((field) => !kept.includes(field));
  changes.push(
    ...gone.map(({ name }) =>
      breaking(naming(name), 'removed: its stored values would no longer be shown'),
    ),
  );
  if (
    !same(
      kept,
      before.filter((field) => kept.includes(field)),
    )
  )
    changes.push(changed(what, 'fields in another order, as SQL and table show them from now on'));
  return changes;
}

const renamed = (what: string, before: string): PlanChange => ({
  kind: 'renamed',
  what,
  detail: `was ${before}; its stored values go with it`,
});

const newField = (name: string, field: NamedField, advice: string): PlanChange =>
  field.optional
    ? added(
        name,
        `${typeText(field.type)}, optional: records stored before have null${field.default === undefined ? '' : ', later ones the default'}`,
      )
    : breaking(name, `new and required: records stored before have no value. ${advice}`);

function diffField(name: string, before: FieldSpec, after: FieldSpec): PlanChange[] {
  if (!readsAs(before.type, after.type))
    return [
      breaking(
        name,
        `${typeText(before.type)} → ${typeText(after.type)}: stored values do not fit; they would be shown as null`,
      ),
    ];
  if (before.optional && !after.optional)
    return [breaking(name, 'now required: rows stored before may have null')];
  const changes = diffType(name, before.type, after.type);
  if (!before.optional && after.optional) return [...changes, changed(name, 'now optional')];
  return same(rulesOf(before), rulesOf(after))
    ? changes
    : [...changes, changed(name, 'rules changed, for new records')];
}

/** Rules of a field, without those of what is inside it. */
function rulesOf(field: FieldSpec): object {
  const { type: _type, renamedFrom: _renamedFrom, ...rules } = field;
  return { ...rules, name: undefined };
}

/** Of types that read as each other. */
function diffType(name: string, before: FieldType, after: FieldType): PlanChange[] {
  if (before.kind === 'struct' && after.kind === 'struct')
    return diffLevel((part) => `${name}.${part}`, name, before.fields, after.fields, NEW_PART);
  if (before.kind === 'list' && after.kind === 'list')
    return diffField(`${name}.element`, before.element, after.element);
  if (before.kind === 'map' && after.kind === 'map')
    return [
      ...diffField(`${name}.key`, before.key, after.key),
      ...diffField(`${name}.value`, before.value, after.value),
    ];
  return same(before, after)
    ? []
    : [changed(name, `${typeText(before)} → ${typeText(after)}: stored values are widened`)];
}
