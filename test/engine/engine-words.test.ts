import { expect, test } from 'vitest';
import { inSqlWords } from '../../src/engine/engine-words.ts';

test.each([
  ["Could not convert string 'a' to INT32", "Could not convert string 'a' to INTEGER"],
  ['Overflow in addition of INT64 (1 + 2)!', 'Overflow in addition of BIGINT (1 + 2)!'],
  ["Type UINT128 with value 3 can't be cast", "Type UHUGEINT with value 3 can't be cast"],
  [`Column "INT8" has no 'INT16'`, `Column "INT8" has no 'INT16'`],
  ["argument types 'substring(INTEGER_LITERAL)'", "argument types 'substring(INTEGER)'"],
])('%s', (engines, ours) => {
  expect(inSqlWords(engines)).toBe(ours);
});
