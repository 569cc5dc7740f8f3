/**
 * The row type of a stream, lookup or model: `Row<typeof sales>`.
 * Dates without zone, decimals and uuids are text, longs are bigint, instants are Date.
 */
export type Row<Definition extends { readonly _row?: unknown }> = NonNullable<Definition['_row']>;
