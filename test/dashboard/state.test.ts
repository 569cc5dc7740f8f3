import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DashboardState,
  EMPTY_STATE,
  parseState,
  stateQuery,
  toggleValue,
  withFilter,
} from '../../src/dashboard/state.ts';

const field = fc.constantFrom('country', 'Land', '_rest', 'sold at', 'période', 'null', 'tab');
const value = fc.string({ unit: 'grapheme' });
const time = fc
  .date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T00:00:00Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString().slice(0, 19));
const range = fc
  .uniqueArray(time, { minLength: 2, maxLength: 2 })
  .map((ends) => ends.sort())
  .map(([from = '', until = '']) => ({ from, until }));
const filter = fc
  .record(
    {
      in: fc.uniqueArray(fc.option(value), { minLength: 1 }),
      range,
      has: fc.string({ unit: 'grapheme' }).filter((words) => words.trim() !== ''),
    },
    { requiredKeys: [] },
  )
  .filter((parts) => Object.keys(parts).length > 0);
const state: fc.Arbitrary<DashboardState> = fc
  .record({
    period: fc.option(
      fc.oneof(
        fc.constantFrom('all', '7d', '24h', '90 m'),
        range.map(({ from, until }) => `${from}..${until}`),
      ),
    ),
    filters: fc.dictionary(field, filter),
    tabs: fc.dictionary(fc.constantFrom('lines', 'top-parts', '売上高'), fc.nat(999)),
  })
  .map(({ period, ...rest }) => ({ ...(period === null ? {} : { period }), ...rest }));

describe('the state in the address', () => {
  test('comes back as it went', () => {
    fc.assert(
      fc.property(state, (chosen) => {
        const query = stateQuery(chosen);
        expect(parseState(query)).toEqual(chosen);
        expect(parseState(`?${query}`)).toEqual(chosen);
        expect(stateQuery(parseState(query))).toBe(query);
      }),
    );
  });

  test('is a link that a person can read and write', () => {
    const query =
      '?.period=7d&country=France&country=Germany&country.null&invoice_date.range=2011-01-01..2011-02-01&description.has=mug&lines.tab=1';
    expect(parseState(query)).toEqual({
      period: '7d',
      filters: {
        country: { in: ['France', 'Germany', null] },
        invoice_date: { range: { from: '2011-01-01', until: '2011-02-01' } },
        description: { has: 'mug' },
      },
      tabs: { lines: 1 },
    });
    expect(stateQuery(EMPTY_STATE)).toBe('');
    expect(parseState('')).toEqual(EMPTY_STATE);
  });

  test('a field may be named like a parameter', () => {
    expect(parseState('period=7d&tab=1')).toEqual({
      filters: { period: { in: ['7d'] }, tab: { in: ['1'] } },
      tabs: {},
    });
  });

  test.each([
    ['no field', '=France&.=1&.null&.has=x'],
    ['a suffix there is not', 'country.not=France&country.in=x'],
    ['words of nothing', 'description.has=&description.has=%20'],
    ['a period of nothing', '.period='],
    ['a period there is not', '.period=soon&.period=7x&.period=1..2&.period=..'],
    ['half a range', 'at.range=2011-01-01&at.range=2011-01-01..&at.range=..2011-01-01'],
    ['a range of no times', 'at.range=a..b&at.range=2011-01-01..2011-02-01..2011-03-01'],
    ['a tab that is no place', 'lines.tab=-1&lines.tab=1e3&lines.tab=&lines.tab=1000'],
    ['the prototype', '__proto__=x&__proto__.has=y&__proto__.tab=1&__proto__.range=1..2'],
  ])('what means nothing is left out: %s', (_, query) => {
    expect(parseState(query)).toEqual(EMPTY_STATE);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  test('any address is a state, and one that comes back', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom('.period', '.range', '.null', '.has', '.tab', '=', '&', '..', '%', '%00'),
      fc.constantFrom('constructor', 'toString', '__proto__', 'a', '2011-01-01', '1'),
    );
    fc.assert(
      fc.property(
        fc.array(part).map((parts) => parts.join('')),
        (query) => {
          const read = parseState(query);
          expect(parseState(stateQuery(read))).toEqual(read);
        },
      ),
    );
  });
});

describe('choosing', () => {
  const chosen = (...values: (string | null)[]) =>
    values.length === 0 ? EMPTY_STATE : withFilter(EMPTY_STATE, 'country', { in: values });

  test('a click chooses one value alone, and once more none', () => {
    expect(toggleValue(EMPTY_STATE, 'country', 'France', false)).toEqual(chosen('France'));
    expect(toggleValue(chosen('France'), 'country', 'France', false)).toEqual(EMPTY_STATE);
    expect(toggleValue(chosen('France', null), 'country', null, false)).toEqual(chosen(null));
  });

  test('with Shift it joins the others, and leaves them', () => {
    const both = toggleValue(chosen('France'), 'country', null, true);
    expect(both).toEqual(chosen('France', null));
    expect(toggleValue(both, 'country', 'France', true)).toEqual(chosen(null));
    expect(toggleValue(chosen(null), 'country', null, true)).toEqual(EMPTY_STATE);
  });

  test('a part of a filter comes and goes without the others', () => {
    const words = withFilter(chosen('France'), 'country', { has: 'a' });
    expect(words.filters).toEqual({ country: { in: ['France'], has: 'a' } });
    expect(withFilter(words, 'country', { in: undefined }).filters).toEqual({
      country: { has: 'a' },
    });
    expect(withFilter(chosen('France'), 'country', { in: [] })).toEqual(EMPTY_STATE);
    expect(chosen('France'), 'a state is not changed').toEqual(chosen('France'));
  });

  test('with Shift, twice the same is as before', () => {
    fc.assert(
      fc.property(state, field, fc.option(value), (before, name, one) => {
        const there = toggleValue(before, name, one, true);
        const back = toggleValue(there, name, one, true);
        const values = (of: DashboardState) => [...(of.filters[name]?.in ?? [])].sort();
        expect(values(back)).toEqual(values(before));
        expect(values(there)).not.toEqual(values(before));
      }),
    );
  });
});

test('a span that ends before it begins is left out', () => {
  const query = '.period=2019-01-10..2019-01-05&at.range=2019-02-01..2019-02-01&city=Dayton';
  expect(parseState(query)).toEqual({ filters: { city: { in: ['Dayton'] } }, tabs: {} });
});
