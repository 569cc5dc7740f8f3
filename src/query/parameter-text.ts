import type { ParameterValue } from './statement-parameters.ts';

/**
 * The value of a parameter as people write it: a number, true, false and null are what they look like; a text that looks
 * like one of them stands in quotes, as in SQL.
 */
export function parameterValue(text: string): ParameterValue {
  const trimmed = text.trim();
  const quoted = /^'(.*)'$/s.exec(trimmed)?.[1];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (/^null$/i.test(trimmed)) return null;
  if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
  // What begins with a zero is a code, and more digits than a number keeps are for `$id::bigint` to read.
  const isNumber = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(trimmed);
  const digits = trimmed.replace(/\D/g, '').length;
  const isExact = Number.isSafeInteger(Number(trimmed)) || (trimmed.includes('.') && digits <= 15);
  return isNumber && isExact ? Number(trimmed) : text;
}
