import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openOrc } from '../../src/source/embedded/orc-source.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runPython } from '../support/python.ts';
import { rowsOf } from '../support/source.ts';

const WRITE_ORC = fileURLToPath(new URL('write_orc.py', import.meta.url));

// Every type, with nulls, over many stripes, as ORC's C++ writer packs them.
test.each(['uncompressed', 'snappy', 'zlib', 'lz4', 'zstd'])(
  'What pyarrow writes as ORC (%s) is read with every value as it was',
  async (compression) => {
    const seed = String(Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const path = join(temporaryFolder(), 'all.orc');
    const out = await runPython(WRITE_ORC, [path, compression, seed]);
    const expected = out.trimEnd().split('\n');
    const rows = await rowsOf(openOrc(path));
    expect(rows.length).toBe(expected.length);
    for (const [index, { text }] of rows.entries())
      expect(JSON.parse(text), `row ${index + 1}, seed ${seed}`).toEqual(
        JSON.parse(expected[index] as string),
      );
  },
);
