/**
 * Questions by chance over `s` (a stream), `c` (another one), `m` (a model's table) and `v` (a view). Each has one result,
 * whatever order rows are read in: numbers are exact, and rows are in the order of all columns.
 */

export type Random = () => number;

interface Source {
  readonly name: string;
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
  readonly others: readonly string[];
}

const ROWS: Omit<Source, 'name'> = {
  texts: ['country', 'product'],
  numbers: ['id', 'quantity', 'amount'],
  others: ['flag', 'day', "date_trunc('month', sold_at)", 'score'],
};
const SOURCES: readonly Source[] = [
  { name: 's', ...ROWS },
  { name: 'm', ...ROWS },
  { name: 'v', texts: ['country', 'loud'], numbers: ['id', 'twice'], others: ['day'] },
];

const COUNTRIES = ['France', "Côte d'Ivoire", 'Germany', 'Nowhere', ''];

export function generatedQuestion(random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const some = <T>(list: readonly T[], most: number): T[] =>
    [...list].sort(() => random() - 0.5).slice(0, 1 + Math.floor(random() * most));
  const whole = (most: number) => Math.floor(random() * most);
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

  const condition = (source: Source, depth = 0): string => {
    const { texts, numbers } = source;
    if (depth < 2 && random() < 0.4) {
      const both = [condition(source, depth + 1), condition(source, depth + 1)];
      return `(${both.join(pick([' and ', ' or ', ' and not ', ' or not ']))})`;
    }
    return pick([
      () => `${pick(texts)} = ${text(pick(COUNTRIES))}`,
      () => `${pick(texts)} in (${some(COUNTRIES, 3).map(text).join(', ')})`,
      () => `${pick(texts)} is ${pick(['', 'not '])}null`,
      () => `${pick(texts)} like ${text(pick(['%a%', 'F%', '%e', '']))}`,
      () => `length(${pick(texts)}) > ${whole(12)}`,
      () => `${pick(numbers)} ${pick(['<', '>=', '<>', '='])} ${whole(60)}`,
      () => `${pick(numbers)} between ${whole(20)} and ${20 + whole(200)}`,
      () => `${pick(numbers)} % ${2 + whole(5)} = ${whole(3)}`,
    ])();
  };
  const aggregate = (source: Source): string => {
    const { texts, numbers } = source;
    return pick([
      () => 'count(*)',
      () => `count(${pick(numbers)})`,
      () => `count(distinct ${pick([...texts, ...numbers])})`,
      () => `sum(${pick(numbers)})`,
      () => `avg(${pick(['id', 'id % 7'])})`,
      () => `${pick(['min', 'max'])}(${pick([...texts, ...numbers])})`,
      () => `sum(${pick(numbers)}) filter (where ${condition(source)})`,
      () => `list_sort(list(distinct ${pick(texts)}))`,
      () => `quantile_disc(${pick(numbers)}, 0.5)`,
      () => {
        const one = pick(texts);
        return `string_agg(distinct ${one}, ',' order by ${one})`;
      },
    ])();
  };
  const dims = (source: Source) =>
    some([...source.texts, ...source.others, `${pick(source.numbers)} % 3`], 3);
  const named = (expressions: readonly string[], prefix: string) =>
    expressions.map((one, index) => `${one} as ${prefix}${index}`).join(', ');

  const shapes: readonly (() => string)[] = [
    () => {
      const source = pick(SOURCES);
      return `select * from ${source.name} where ${condition(source)} order by all limit ${1 + whole(40)} offset ${whole(5)}`;
    },
    () => {
      const source = pick(SOURCES);
      const aggregates = named([aggregate(source), aggregate(source)], 'a');
      const groups = dims(source);
      const having = random() < 0.3 ? ` having count(*) > ${whole(4)}` : '';
      return `select ${named(groups, 'd')}, ${aggregates} from ${source.name} where ${condition(source)} group by ${groups.map((_, index) => `d${index}`).join(', ')}${having} order by all`;
    },
    () => {
      const source = pick(SOURCES);
      return `select ${named([aggregate(source), aggregate(source), aggregate(source)], 'a')} from ${source.name} where ${condition(source)}`;
    },
    () => {
      const source = pick(SOURCES);
      const part = pick(source.texts);
      const call = pick([
        'row_number()',
        'rank()',
        `sum(${pick(source.numbers)})`,
        `lag(${pick(source.texts)})`,
        `max(${pick(source.numbers)})`,
        'ntile(4)',
      ]);
      return `select id, ${part}, ${call} over (partition by ${part} order by id ${pick(['', 'desc'])}) as w from ${source.name} where ${condition(source)} order by all limit 60`;
    },
    () => {
      const source = pick(SOURCES);
      const best = pick(source.texts);
      return `select ${best}, id from ${source.name} qualify row_number() over (partition by ${best} order by ${pick(source.numbers)} desc, id) <= ${1 + whole(3)} order by all`;
    },
    () => {
      const source = pick(SOURCES);
      const kind = pick(['join', 'left join', 'full join', 'right join']);
      return `select c.region, count(*) as n, sum(x.id) as total, sum(c.weight) as weight from (select * from ${source.name} where ${condition(source)}) x ${kind} c on x.country = c.country ${pick(['', `and x.id % 2 = c.id % 2 `])}group by all order by all`;
    },
    () => {
      const [one, two] = [pick(SOURCES), pick(SOURCES)];
      const [kind, side] = pick([
        ['join', 'b'],
        ['left join', 'b'],
        ['semi join', 'a'],
        ['anti join', 'a'],
      ] as const);
      return `select count(*) as n, sum(a.id) as total, count(distinct ${side}.country) as countries from ${one.name} a ${kind} ${two.name} b on a.id = b.id + ${whole(2)} where a.id % ${1 + whole(4)} = 0`;
    },
    () => {
      const [one, two] = [pick(SOURCES), pick(SOURCES)];
      const column = pick(['country', 'id % 50', 'day']);
      return `(select ${column} as x from ${one.name} where ${condition(one)}) ${pick(['union', 'union all', 'intersect', 'except', 'except all'])} (select ${column} as x from ${two.name} where ${condition(two)}) order by all limit 200`;
    },
    () => {
      const source = pick(SOURCES);
      return `select country, day, ${named([aggregate(source)], 'a')} from ${source.name} where ${condition(source)} group by ${pick(['rollup', 'cube'])} (country, day) order by all`;
    },
    () => {
      const source = pick(SOURCES);
      return `select * from (select country, count(*) as n, max(id) as last from ${source.name} group by country) t where ${pick(['n >= (select avg(weight) from c)', 'exists (select 1 from c where c.country = t.country)', 'last in (select id from s where flag)'])} order by all`;
    },
  ];
  return pick(shapes)();
}
