/** Functions that people know from other warehouses, and what does the same here. Examples are over `t`; a test runs them. */
export const OTHER_DIALECTS: { readonly [name: string]: string } = {
  getdate: 'localtimestamp',
  sysdate: 'localtimestamp',
  nvl: 'coalesce(a, b)',
  isnull: 'coalesce(a, b)',
  nvl2: 'CASE WHEN a IS NOT NULL THEN b ELSE c END',
  decode: "CASE a WHEN 1 THEN 'one' ELSE 'more' END",
  iff: 'if(a > 1, b, c)',
  dateadd: 'd + INTERVAL 1 DAY',
  date_add: 'd + INTERVAL 1 DAY',
  add_months: 'd + INTERVAL 1 MONTH',
  months_between: "date_diff('month', d, current_date)",
  day_of_week: 'isodow(d)',
  to_char: "strftime(ts, '%Y-%m-%d')",
  date_format: "strftime(ts, '%Y-%m-%d')",
  format_datetime: "strftime(ts, '%Y-%m-%d')",
  to_date: "strptime(s, '%Y-%m-%d')::DATE",
  date_parse: "strptime(s, '%Y-%m-%d')",
  from_iso8601_timestamp: 's::TIMESTAMPTZ',
  from_unixtime: 'to_timestamp(a)',
  to_unixtime: 'epoch(ts)',
  convert_timezone: "ts AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin'",
  approx_distinct: 'approx_count_distinct(a)',
  approx_percentile: 'approx_quantile(a, 0.5)',
  every: 'bool_and(a > 1)',
  ratio_to_report: 'a / sum(a) OVER ()',
  div: 'a // b',
  bitand: 'a & b',
  charindex: "strpos(s, '-')",
  btrim: 'trim(s)',
  initcap: 'upper(s[1]) || lower(s[2:])',
  regexp_like: "regexp_matches(s, '[0-9]+')",
  '~*': "regexp_matches(s, '[0-9]+', 'i')",
  regexp_substr: "regexp_extract(s, '[0-9]+')",
  regexp_count: "len(regexp_extract_all(s, '[0-9]+'))",
  json_parse: 'j::JSON',
  json_extract_scalar: "json_extract_string(j, '$.k')",
  json_extract_path_text: "json_extract_string(j, '$.k')",
  cardinality: 'len(list)',
  element_at: 'list[1]',
  array_join: "array_to_string(list, ',')",
  transform: 'list_transform(list, lambda x: x + 1)',
  reduce: 'list_reduce(list, lambda x, y: x + y)',
  zip: 'list_zip(list, list)',
  sequence: 'range(1, 4)',
};

/** How the engine refuses a function that it has not, or has for other things. */
const REFUSALS: readonly RegExp[] = [
  /(?:Function with name|Macro) (\S+?)(?:\(\))? does not (?:exist|support)/,
  /No function matches the given name and argument types '(\w+)\(/,
  /Referenced column "(getdate|sysdate)" not found/i,
  /^(Cardinality) can only operate/,
];

/** What to write instead, where a refusal is of a function that is another's. */
export function dialectHint(message: string): string | undefined {
  if (message.includes('`__postfix')) return 'Names are quoted with "…", not with backticks.';
  const name = REFUSALS.map((refusal) => refusal.exec(message)?.[1]).find((found) => found);
  const instead = name === undefined ? undefined : OTHER_DIALECTS[name.toLowerCase()];
  return instead && `Write ${instead} instead of ${name}.`;
}
