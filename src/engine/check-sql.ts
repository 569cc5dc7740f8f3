import { literal, quoteIdentifier, type RenderedCheck } from '../plan/render-sql.ts';

/** Checks as SQL over the relation `result`, which holds the new rows of a model. */

/** The rows that break the rule. */
export function brokenRows(check: RenderedCheck): string {
  switch (check.rule) {
    case 'notNull':
      return `SELECT * FROM result WHERE ${quoteIdentifier(check.column)} IS NULL`;
    case 'unique': {
      const columns = check.columns.map(quoteIdentifier).join(', ');
      return `SELECT ${columns}, count(*) AS times FROM result GROUP BY ${columns} HAVING count(*) > 1`;
    }
    case 'between':
      return `SELECT * FROM result WHERE ${quoteIdentifier(check.column)} NOT BETWEEN ${literal(check.low)} AND ${literal(check.high)}`;
    case 'oneOf':
      return `SELECT * FROM result WHERE ${quoteIdentifier(check.column)} NOT IN (${check.values.map(literal).join(', ')})`;
    case 'sql':
      return check.sql as string;
  }
}

/**
 * Conditions that the rule itself must meet in a column of this type. The engine casts texts only when
 * there are rows to compare with, so that a wrong one would come out in a run.
 */
export function ruleConditions(check: RenderedCheck, type: string): string[] {
  const cast = (value: number | string) => `CAST(${literal(value)} AS ${type})`;
  const isText = (value: number | string) => typeof value === 'string';
  if (check.rule === 'oneOf')
    return check.values.filter(isText).map((value) => `${cast(value)} IS NOT NULL`);
  if (check.rule !== 'between') return [];
  const { low, high } = check;
  if (isText(low) && isText(high)) return [`${cast(low)} <= ${cast(high)}`];
  return [low, high].filter(isText).map((value) => `${cast(value)} IS NOT NULL`);
}
