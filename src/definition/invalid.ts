import { durationMs } from '../core/duration.ts';
import { MillraceError } from '../core/errors.ts';
import { callerLocation, locationText, type SourceLocation } from './location.ts';

/** The error for a wrong definition: place, definition, what is wrong and what to do. */
export function invalidDefinition(
  definition: string,
  problem: string,
  /** Where the definition stands, undefined where that is not known; without it the caller's place. */
  ...at: [location?: SourceLocation | undefined]
): MillraceError {
  const location = at.length === 0 ? callerLocation() : at[0];
  return new MillraceError(
    'MR_DEFINITION_INVALID',
    `${locationText(location)}: ${definition}: ${problem}`,
    { details: { definition, file: location?.file, line: location?.line } },
  );
}

/** Refuses options the definition does not have: a misspelt option must not be ignored. */
export function refuseUnknownOptions(
  definition: string,
  options: object,
  known: readonly string[],
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalidDefinition(definition, 'its last argument must be an object of options.');
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw invalidDefinition(
      definition,
      `there is no option \`${name}\`. Options are: ${known.join(', ')}.`,
    );
  }
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Names of definitions: `^[a-z][a-z0-9_]{0,62}$`. */
export function requireName(kind: string, name: unknown): void {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw invalidDefinition(
    `${kind}(${JSON.stringify(name) ?? 'nothing'})`,
    'a name starts with a letter and has only a-z, 0-9 and _, up to 63 characters.',
  );
}

/** `'60s'`, `'7d'` → milliseconds. */
export function parseDuration(definition: string, option: string, text: unknown): number {
  const duration = typeof text === 'string' ? durationMs(text) : undefined;
  if (duration) return duration;
  throw invalidDefinition(
    definition,
    `\`${option}\` must be a duration such as '60s', '1h' or '7d'.`,
  );
}

const SIZE = /^(\d+)\s*(B|KB|MB|GB)$/i;
const UNIT_BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** `'128MB'` → bytes. */
export function parseSize(definition: string, option: string, text: unknown): number {
  const match = typeof text === 'string' ? SIZE.exec(text) : null;
  if (!match || Number(match[1]) === 0)
    throw invalidDefinition(definition, `\`${option}\` must be a size such as '64MB'.`);
  return Number(match[1]) * UNIT_BYTES[match[2]?.toUpperCase() as keyof typeof UNIT_BYTES];
}

/** A text option as part of the settings; absent stays absent. */
export function textOption<K extends string>(
  definition: string,
  option: K,
  value: unknown,
): { [P in K]?: string } {
  if (value === undefined) return {};
  if (typeof value !== 'string') throw invalidDefinition(definition, `\`${option}\` must be text.`);
  return { [option]: value } as { [P in K]?: string };
}
