import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { placeIn } from '../location.ts';

export interface CatalogEntry {
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'table' | 'view';
  /** Below the lake's folder; a table that was given another name stays where it is. */
  readonly folder: string;
}

export interface CatalogContents {
  /** The lake's folder when this was written: where it is another, the lake was moved. */
  readonly root: string;
  readonly namespaces: { readonly [name: string]: { readonly [property: string]: string } };
  readonly entries: readonly CatalogEntry[];
}

const FORMAT = 1;

/** `catalog.json`: which names there are, and the folder of each. What it names is there; what it does not is not. */
export class CatalogFile {
  readonly #path: string;
  readonly #files: FileSystem;

  constructor(lake: string, files: FileSystem) {
    this.#path = placeIn(lake, 'catalog.json');
    this.#files = files;
  }

  async read(): Promise<CatalogContents | undefined> {
    if (!(await this.#files.exists(this.#path))) return undefined;
    const text = (await this.#files.readFile(this.#path)).toString();
    try {
      const { format, ...contents } = JSON.parse(text) as CatalogContents & { format: number };
      if (format === FORMAT) return contents;
    } catch (error) {
      throw new MillraceError('MR_STORAGE_DAMAGED', `${this.#path} is not whole JSON.`, {
        cause: error,
      });
    }
    throw new MillraceError(
      'MR_STORAGE_FORMAT',
      `${this.#path} is of another version of millrace; this one knows format ${FORMAT}.`,
    );
  }

  async write(contents: CatalogContents): Promise<void> {
    await this.#files.replaceFile(
      this.#path,
      `${JSON.stringify({ format: FORMAT, ...contents }, null, 1)}\n`,
    );
  }
}
