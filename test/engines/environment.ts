import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/lake-env.mjs', import.meta.url));

interface LakeEnvironment {
  /** An interpreter that has PySpark. */
  readonly python: string;
  readonly javaHomeOfSpark: string;
  readonly javaOfTrino: string;
  readonly sparkRuntime: string;
  /** A folder with `lib` and `plugin`. */
  readonly trino: string;
  readonly duckdbExtensions: readonly string[];
  readonly minio: string;
}

let found: LakeEnvironment | undefined;

/** Where the engines are; made at first use. */
export function lakeEnvironment(): LakeEnvironment {
  found ??= JSON.parse(
    execFileSync(process.execPath, [SCRIPT], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as LakeEnvironment;
  return found;
}
