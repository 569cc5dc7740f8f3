import { field as f } from 'millrace';

export const right = [
  f.boolean().optional().describe('text').pii().default(true).renamedFrom('old'),
  f.int().min(1).max(9).oneOf([1, 9]).default(1),
  f.long().min(1n).max(9n).oneOf([1n]).default(1n),
  f.float().min(0.5).max(1.5),
  f.double().min(0.5).max(1.5).default(1),
  f.decimal(10, 3).min('0.001').max('9.999').default('1.000'),
  f
    .string()
    .min(1)
    .max(9)
    .pattern(/[a-z]+/)
    .oneOf(['a', 'b'])
    .from('integer-text')
    .default('a'),
  f.uuid().optional(),
  f.binary().min(1).max(16).default(new Uint8Array(4)),
  f.date().min('2026-01-01').max('2026-12-31'),
  f.timestamp().min('2026-01-01T00:00:00'),
  f.timestamptz().min(new Date(0)).from('epoch-milliseconds').optional(),
  f.list(f.string()).optional(),
  f.map(f.uuid(), f.int()).optional(),
  f.struct({ a: f.int() }).optional(),
];

// @ts-expect-error a name is text
f.int().renamedFrom(5);
// @ts-expect-error a boolean has no range
f.boolean().min(1);
// @ts-expect-error a boolean has no pattern
f.boolean().pattern(/x/);
// @ts-expect-error only texts have a pattern
f.int().pattern(/x/);
// @ts-expect-error an int's bound is a number
f.int().min('1');
// @ts-expect-error a long's bound is a bigint
f.long().max(1);
// @ts-expect-error a decimal's bound is text
f.decimal(4, 2).min(1);
// @ts-expect-error a double has no list of values
f.double().oneOf([1]);
// @ts-expect-error values are of the field's type
f.string().oneOf([1]);
// @ts-expect-error a uuid has no range
f.uuid().min('a');
// @ts-expect-error a default is of the field's type
f.int().default('1');
// @ts-expect-error a date is text
f.date().default(new Date());
// @ts-expect-error a long's default is a bigint
f.long().default(1);
// @ts-expect-error null is no default: .optional() is for none
f.int().default(null);
// @ts-expect-error an instant's bound is a Date
f.timestamptz().min('2026-01-01T00:00:00Z');
// @ts-expect-error a date's bound is text
f.date().max(2026);
// @ts-expect-error the bound of a text is its length
f.string().min('a');
// @ts-expect-error values are of the field's type
f.int().oneOf(['a']);
// @ts-expect-error values come in a list
f.string().oneOf('a');
// @ts-expect-error a pattern is an expression or its text
f.string().pattern(5);
// @ts-expect-error a description is text
f.int().describe(5);
// @ts-expect-error a decimal has precision and scale
f.decimal(10);
// @ts-expect-error epoch seconds make an instant, not text
f.string().from('epoch-seconds');
// @ts-expect-error whole numbers as text make a string, not an instant
f.timestamptz().from('integer-text');
// @ts-expect-error only strings and instants have a source
f.int().from('integer-text');
// @ts-expect-error a list has elements
f.list();
// @ts-expect-error elements are fields
f.list('string');
// @ts-expect-error a list cannot be the key of a map
f.map(f.list(f.string()), f.int());
// @ts-expect-error the key of a map is never null
f.map(f.string().optional(), f.int());
// @ts-expect-error a list has no range
f.list(f.int()).min(1);
// @ts-expect-error there is no such type
f.time();
