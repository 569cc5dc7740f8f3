import { checkedTexts, readChecked, writeChecked } from '../../core/checked-file.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import { placeIn } from '../location.ts';

export interface CatalogEntry {
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'table' | 'view';
  /** True of what another program made: no definition takes it over. */
  readonly isForeign?: true;
  /** Below the lake's folder; a table that was given another name stays where it is. */
  readonly folder: string;
}

export interface CatalogContents {
  /** The lake's folder when this was written: where it is another, the lake was moved. */
  readonly root: string;
  readonly namespaces: { readonly [name: string]: { readonly [property: string]: string } };
  readonly entries: readonly CatalogEntry[];
}

const FORMAT = 2;

/** `catalog.json`: which names there are, and the folder of each. What it names is there; what it does not is not. */
export class CatalogFile {
  readonly #path: string;
  readonly #files: FileSystem;
  readonly #logger: Logger;

  constructor(lake: string, files: FileSystem, logger: Logger) {
    this.#path = placeIn(lake, 'catalog.json');
    this.#files = files;
    this.#logger = logger;
  }

  async read(): Promise<CatalogContents | undefined> {
    const { value, isWhole, damaged } = await readChecked(this.#files, this.#path);
    if (!value && damaged.length === 0) return undefined;
    if (!value)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${this.#path} and its copy are damaged. Restore catalog.json of the lake from a backup: it says which tables there are, and in which folders.`,
      );
    const { format, ...contents } = value as CatalogContents & { format: number };
    if (format !== FORMAT)
      throw new MillraceError(
        'MR_STORAGE_FORMAT',
        `${this.#path} is of another version of millrace; this one knows format ${FORMAT}.`,
      );
    for (const { text } of damaged)
      this.#logger.warn({ file: text }, 'a copy of the catalog was damaged; the other one is used');
    if (!isWhole) await this.write(contents);
    return contents;
  }

  async write(contents: CatalogContents): Promise<void> {
    await writeChecked(this.#files, this.#path, { format: FORMAT, ...contents });
  }

  /** What is written. */
  texts(contents: CatalogContents): { path: string; text: string }[] {
    return checkedTexts(this.#path, { format: FORMAT, ...contents });
  }
}
