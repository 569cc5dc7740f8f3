import type { Parameters } from './parameters.ts';
import { DIALECT } from './sql-language.ts';

/** A part of the text, and where it begins. */
export interface StatementText {
  readonly sql: string;
  readonly from: number;
}

/** As it is asked. */
export interface Statement extends StatementText {
  readonly params: Parameters;
}

/** The statements of a text, without what parts them. `from` is where the text begins in the editor. */
export function statementsOf(text: string, from = 0): StatementText[] {
  const found: StatementText[] = [];
  const top = DIALECT.language.parser.parse(text).topNode;
  for (let node = top.firstChild; node; node = node.nextSibling) {
    if (node.name !== 'Statement') continue;
    const sql = text.slice(node.from, node.to).replace(/;\s*$/, '');
    if (sql.trim() !== '') found.push({ sql, from: from + node.from });
  }
  return found.length > 0 ? found : [{ sql: text, from }];
}
