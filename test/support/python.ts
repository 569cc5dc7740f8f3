import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/python-env.mjs', import.meta.url));
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

let interpreter: string | undefined;

/** The Python that has what `test/interop/requirements.txt` lists; installed at first use. */
export function python(): string {
  interpreter ??= execFileSync(process.execPath, [SCRIPT], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  return interpreter;
}

interface PythonOptions {
  /** The machine's own Python: enough where only its standard library is used. */
  readonly bare?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs Python code, or the file whose name ends in `.py`, and gives what it prints.
 */
export async function runPython(
  codeOrFile: string,
  args: readonly string[] = [],
  { bare = false, env = {} }: PythonOptions = {},
): Promise<string> {
  const script = codeOrFile.endsWith('.py') ? [codeOrFile] : ['-c', codeOrFile];
  const { stdout } = await promisify(execFile)(bare ? 'python3' : python(), [...script, ...args], {
    encoding: 'utf8',
    maxBuffer: ANSWER_BYTES_MAX,
    env: { ...process.env, ...env },
  });
  return stdout;
}
