import { Cron } from 'croner';
import type { Dashboard } from '../definition/dashboard.ts';
import type { Endpoint } from '../definition/endpoint.ts';
import { invalidDefinition } from '../definition/invalid.ts';
import { locationOf, locationText, type SourceLocation } from '../definition/location.ts';
import type { Lookup } from '../definition/lookup.ts';
import type { Model } from '../definition/model.ts';
import type { Sql } from '../definition/sql.ts';
import type { Stream } from '../definition/stream.ts';
import { compileDashboard, itemLocations } from './compile-dashboard.ts';
import { compileEndpoint } from './compile-endpoint.ts';
import { orderByInputs } from './order.ts';
import type { ModelPlan, Plan } from './plan.ts';

export type Definition = Stream | Lookup | Model | Dashboard | Endpoint;

export interface CompiledPipeline {
  readonly plan: Plan;
  /** Where each definition stands, for messages about queries. */
  readonly locations: ReadonlyMap<string, SourceLocation>;
}

/**
 * Checks the exported definitions together and compiles them to a plan.
 * @throws MillraceError MR_DEFINITION_INVALID for names used twice, references that are not exported,
 *   cycles, wrong columns.
 */
export function compile(exported: readonly unknown[], file?: string): CompiledPipeline {
  const definitions = [...new Set(exported.filter(isDefinition))];
  if (definitions.length === 0)
    throw invalidDefinition(
      'the pipeline',
      'no definition is exported. Write `export const … = stream(…)`.',
      file === undefined ? undefined : { file },
    );
  const byName = uniqueByName(definitions);
  const ofKind = <K extends Definition['kind']>(kind: K) =>
    definitions.filter(
      (definition): definition is Extract<Definition, { kind: K }> => definition.kind === kind,
    );
  const locations = locationsOf(definitions);
  const models = ofKind('model').map((definition) => compileModel(definition, byName));
  const plan: Plan = {
    format: 1,
    streams: ofKind('stream').map((definition) => {
      checkMeasures(definition, byName);
      return { name: definition.name, ...definition.settings };
    }),
    lookups: ofKind('lookup').map((definition) => {
      requireExported(definition, definition.from.name, byName);
      return { name: definition.name, from: definition.from.name, ...definition.settings };
    }),
    models: orderByInputs(models, locations),
    dashboards: ofKind('dashboard').map((definition) =>
      compileDashboard(definition, (name) => requireExported(definition, name, byName)),
    ),
    endpoints: ofKind('endpoint').map((definition) => {
      for (const input of inputsOf(definition.settings.query))
        requireExported(definition, input, byName);
      return compileEndpoint(definition);
    }),
  };
  return { plan: deepFreeze(JSON.parse(JSON.stringify(plan)) as Plan), locations };
}

function locationsOf(definitions: readonly Definition[]): ReadonlyMap<string, SourceLocation> {
  const locations = definitions.flatMap((definition) => {
    const location = locationOf(definition);
    return location ? [[definition.name, location] as const] : [];
  });
  const items = definitions
    .filter((definition) => definition.kind === 'dashboard')
    .flatMap(itemLocations);
  return new Map([...locations, ...items]);
}

const KINDS: ReadonlySet<unknown> = new Set<Definition['kind']>([
  ...(['stream', 'lookup', 'model', 'dashboard', 'endpoint'] as const),
]);

function isDefinition(value: unknown): value is Definition {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return (
    typeof value === 'object' &&
    Object.isFrozen(value) &&
    'settings' in (value ?? {}) &&
    KINDS.has(kind)
  );
}

type ByName = ReadonlyMap<string, Definition>;

function uniqueByName(definitions: readonly Definition[]): ByName {
  const byName = new Map<string, Definition>();
  for (const definition of definitions) {
    const twin = byName.get(definition.name);
    if (twin)
      throw invalidDefinition(
        titleOf(definition),
        `the name is used already by ${titleOf(twin)} at ${locationText(locationOf(twin))}. Names are unique over all kinds.`,
        locationOf(definition),
      );
    byName.set(definition.name, definition);
  }
  return byName;
}

const titleOf = (definition: Definition): string => `${definition.kind}('${definition.name}')`;

function requireExported(from: Definition, name: string, byName: ByName): Definition {
  const found = byName.get(name);
  if (found) return found;
  throw invalidDefinition(
    titleOf(from),
    `it refers to '${name}', which is not exported. Write \`export\` before it.`,
    locationOf(from),
  );
}

/** Names of the definitions a query refers to as values. */
export function inputsOf(query: Sql): string[] {
  const names = query.parts.flatMap((part) =>
    'table' in part ? [part.table] : 'column' in part ? [part.of] : [],
  );
  return [...new Set(names)];
}

function compileModel(definition: Model, byName: ByName): ModelPlan {
  const { settings } = definition;
  const inputs = inputsOf(settings.query);
  for (const input of inputs) requireExported(definition, input, byName);
  if (settings.schedule !== 'on-change' && settings.schedule !== 'manual') requireCron(definition);
  for (const rule of settings.checks) {
    if (rule.rule === 'sql')
      for (const input of inputsOf(rule.query)) requireExported(definition, input, byName);
  }
  checkMeasures(definition, byName);
  return { name: definition.name, ...settings, inputs };
}

function requireCron(definition: Model): void {
  const { schedule, timezone } = definition.settings;
  try {
    new Cron(schedule, { timezone, paused: true }).nextRun();
  } catch (error) {
    throw invalidDefinition(
      titleOf(definition),
      `\`schedule\` ${JSON.stringify(schedule)} in zone ${JSON.stringify(timezone)}: ${(error as Error).message} Use a cron expression such as '0 2 * * *', 'on-change' or 'manual'.`,
      locationOf(definition),
    );
  }
}

function checkMeasures(definition: Stream | Model, byName: ByName): void {
  for (const [name, measure] of Object.entries(definition.settings.measures)) {
    if (measure?.kind !== 'sql')
      throw invalidDefinition(
        titleOf(definition),
        `measure \`${name}\` must be written as sql\`sum(…)\`.`,
        locationOf(definition),
      );
    for (const input of inputsOf(measure)) requireExported(definition, input, byName);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
