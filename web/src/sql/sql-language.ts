import type {
  Completion,
  CompletionContext,
  CompletionResult,
  CompletionSource,
} from '@codemirror/autocomplete';
import { PostgreSQL, SQLDialect } from '@codemirror/lang-sql';
import { api } from '../api.ts';
import { nameText, type Relation, relationText } from './relations.ts';

/** Of a SELECT as the engine (DuckDB) has it: nothing else is let through. */
const KEYWORDS =
  'all and anti any as asc asof between by case cast columns cross current desc distinct else end except exclude exists false filter first following from full group groups having ilike in inner intersect interval is join lambda last lateral left like limit materialized natural not null nulls offset on or order outer over partition pivot positional preceding qualify range recursive rename replace right row rows select semi similar some tablesample then true try_cast unbounded union unpivot using values when where window with within';

export const DIALECT: SQLDialect = SQLDialect.define({ ...PostgreSQL.spec, keywords: KEYWORDS });

const KEYWORD_COMPLETIONS: readonly Completion[] = KEYWORDS.split(' ').map((label) => ({
  label,
  type: 'keyword',
  boost: -1,
}));

const FUNCTIONS =
  'abs any_value approx_count_distinct arg_max arg_min avg ceil coalesce concat count date_diff date_part date_trunc dayname extract first floor greatest histogram ifnull lag last lead least len list lower max median min mode monthname nullif quantile_cont rank regexp_extract regexp_matches replace round row_number split_part starts_with stddev strftime string_agg strptime substring sum time_bucket today trim try_cast unnest upper year'.split(
    ' ',
  );

const FUNCTION_COMPLETIONS: readonly Completion[] = FUNCTIONS.map((name) => ({
  label: name,
  apply: `${name}(`,
  type: 'function',
  detail: '()',
}));

/** Offers tables, columns of the tables that the statement names, functions, and the words that can stand there. */
export function relationCompletion(relations: () => readonly Relation[]): CompletionSource {
  return async (context) => {
    const found = completionsAt(context, relations());
    if (!found || found.options.every(({ type }) => type !== 'keyword')) return found;
    const words = await wordsNext(context.state.sliceDoc(0, found.from));
    if (words.size === 0) return found;
    // What the grammar has there comes before what it has elsewhere.
    const options = found.options.map((option) =>
      option.type === 'keyword' && words.has(option.label) ? { ...option, boost: 1 } : option,
    );
    return { ...found, options };
  };
}

/** None where the server does not say. */
async function wordsNext(sql: string): Promise<ReadonlySet<string>> {
  try {
    const { keywords } = await api<{ keywords: readonly string[] }>('/v1/sql/completions', {
      method: 'POST',
      body: { sql },
    });
    return new Set(keywords);
  } catch {
    return new Set();
  }
}

function completionsAt(
  context: CompletionContext,
  relations: readonly Relation[],
): CompletionResult | null {
  const word = context.matchBefore(/(?:"?[\w$]+"?\.)?[\w$]*/);
  if (!word || (word.text === '' && !context.explicit)) return null;
  const named = namedRelations(context.state.sliceDoc(), relations);
  const dot = word.text.indexOf('.');
  if (dot === -1)
    return {
      from: word.from,
      options: [
        ...named.flatMap(({ relation }) => columnCompletions(relation)),
        ...relations.map(relationCompletionOf),
        ...FUNCTION_COMPLETIONS,
        ...KEYWORD_COMPLETIONS,
      ],
      validFor: /^[\w$]*$/,
    };
  const before = word.text.slice(0, dot).replaceAll('"', '').toLowerCase();
  const inSchema = relations.filter(({ schema }) => schema === before);
  const options =
    inSchema.length > 0
      ? inSchema.map((relation) => ({
          ...relationCompletionOf(relation),
          label: nameText(relation.name),
        }))
      : named
          .filter(({ alias }) => alias === before)
          .flatMap(({ relation }) => columnCompletions(relation));
  return { from: word.from + dot + 1, options, validFor: /^[\w$]*$/ };
}

const relationCompletionOf = (relation: Relation): Completion => ({
  label: relationText(relation),
  type: 'class',
  detail: relation.schema,
});

const columnCompletions = ({ columns }: Relation): Completion[] =>
  columns.map(({ name, type, description }) => ({
    label: name,
    apply: nameText(name),
    type: 'property',
    detail: type.toLowerCase(),
    // What the statement reads comes first.
    boost: 2,
    ...(description === null ? {} : { info: description }),
  }));

/** Tables after FROM and JOIN, each by its alias or name. */
function namedRelations(
  text: string,
  relations: readonly Relation[],
): { alias: string; relation: Relation }[] {
  const found = text.matchAll(
    /\b(?:from|join)\s+(?:"?(\w+)"?\.)?"?(\w+)"?(?:\s+(?:as\s+)?(?!where|group|order|join|left|right|inner|full|cross|on|using|limit|having|qualify)(\w+))?/gi,
  );
  return [...found].flatMap(([, schema, name = '', alias]) => {
    const relation = relations.find(
      (candidate) =>
        candidate.name === name.toLowerCase() &&
        (schema === undefined
          ? ['warehouse', 'lake'].includes(candidate.schema)
          : candidate.schema === schema.toLowerCase()),
    );
    return relation ? [{ alias: (alias ?? name).toLowerCase(), relation }] : [];
  });
}
