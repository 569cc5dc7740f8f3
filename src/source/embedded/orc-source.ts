import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';
import { type FileSource, type SourceRow, typedDialect } from '../source.ts';
import { TypedRow } from '../typed-row.ts';

/** An ORC file, read by orc-rust in WebAssembly (native/orc, decision 0016), a thousand rows at a time. */
export function openOrc(path: string): FileSource {
  return { path, dialect: typedDialect('orc'), columns: [], batches: () => rowsOf(path) };
}

/** A compiled program; the types of Node 20 do not know any. */
type Program = object;

declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<Program>;
  readonly Instance: new (program: Program, imports: object) => { readonly exports: unknown };
};

/** What native/orc/src/lib.rs exports. */
interface OrcExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  open(length: number): number;
  next(): number;
  text(): number;
  text_length(): number;
}

const END = 0;
const FAILED = -1;

const SEPARATOR = '\u001f';

/** The file is read where the reader asks for it: no more of it is held than a stripe. */
async function* rowsOf(path: string): AsyncGenerator<SourceRow[]> {
  const program = await orcProgram();
  const file = openSync(path, 'r');
  try {
    const reader = new OrcReader(program, path, file);
    const names = JSON.parse(reader.call('open') ?? '[]') as string[];
    let row = 0;
    for (let text = reader.call('next'); text !== undefined; text = reader.call('next')) {
      const lines = text.split('\n');
      // Behind the last line's end.
      lines.pop();
      yield lines.map((line) => new TypedRow(++row, names, line.split(SEPARATOR)));
    }
  } finally {
    closeSync(file);
  }
}

let compiled: Promise<Program> | undefined;

/** Compiled when the first ORC file is met. */
function orcProgram(): Promise<Program> {
  compiled ??= readFile(new URL('../../../native/orc/orc.wasm.br', import.meta.url))
    .then((packed) => promisify(brotliDecompress)(packed))
    .then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

/** One instance: all memory that a file took goes with it. */
class OrcReader {
  readonly #path: string;
  readonly #file: number;
  readonly #exports: OrcExports;
  #readError: Error | undefined;
  #panic: string | undefined;

  constructor(program: Program, path: string, file: number) {
    this.#path = path;
    this.#file = file;
    const instance = new WebAssembly.Instance(program, {
      host: {
        host_read: (position: number, to: number, length: number) =>
          this.#read(position, to, length),
        host_panic: (text: number, length: number) => {
          this.#panic = this.#bytes(text, length).toString();
        },
      },
    });
    this.#exports = instance.exports as OrcExports;
  }

  #bytes(at: number, length: number): Buffer {
    return Buffer.from(this.#exports.memory.buffer, at, length);
  }

  #read(position: number, to: number, length: number): number {
    try {
      return readSync(this.#file, this.#bytes(to, length), 0, length, position);
    } catch (error) {
      this.#readError = error as Error;
      return -1;
    }
  }

  /** The text that the call left; undefined at the end of the rows. */
  call(step: 'open' | 'next'): string | undefined {
    const { text, text_length: textLength } = this.#exports;
    const answer = this.#run(step);
    if (answer === END) return undefined;
    const left = this.#bytes(text(), textLength()).toString();
    if (answer === FAILED) throw this.#failed(left);
    return left;
  }

  #run(step: 'open' | 'next'): number {
    try {
      return step === 'open'
        ? this.#exports.open(fstatSync(this.#file).size)
        : this.#exports.next();
    } catch (error) {
      // The reader has ended itself: it met what it did not expect, or asked for more memory than there is.
      throw this.#failed(this.#panic ?? (error as Error).message);
    }
  }

  #failed(reason: string): MillraceError {
    return new MillraceError(
      'MR_IMPORT_FILE',
      `${this.#path} could not be read as ORC: ${this.#readError?.message ?? reason}.`,
      { cause: this.#readError },
    );
  }
}
