import type { SourceRow } from './source.ts';

/** A row of a typed format. Its text is made for the rows that are rejected only. */
export class TypedRow implements SourceRow {
  readonly row: number;
  readonly columns: readonly string[];
  /** JSON. */
  readonly values: readonly string[];

  constructor(row: number, columns: readonly string[], values: readonly string[]) {
    this.row = row;
    this.columns = columns;
    this.values = values;
  }

  get text(): string {
    const members = this.columns.map(
      (name, index) => `${JSON.stringify(name)}:${this.values[index]}`,
    );
    return `{${members.join(',')}}`;
  }
}
