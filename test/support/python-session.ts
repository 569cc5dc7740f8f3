import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { python } from './python.ts';

const SESSION = fileURLToPath(new URL('python-session.py', import.meta.url));

/** What a piece of Python failed with. */
export class PythonError extends Error {
  constructor({ error, message }: { error: string; message: string }) {
    super(`${error}: ${message}`);
    this.name = error;
  }
}

/** A Python process that keeps its variables from one piece of code to the next: importing a client takes seconds. */
export class PythonSession {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(python(), [SESSION], { env: { ...process.env, ...env } });
    let said = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) =>
      this.#waiting.shift()?.resolve(line),
    );
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`Python ended: ${said}`));
    });
  }

  /** Gives what the code leaves in `result`. @throws PythonError */
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect
  async run(code: string): Promise<any> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(outdented(code))}\n`);
    });
    const answer = JSON.parse(line) as { result?: unknown; error?: string; message?: string };
    if (answer.error !== undefined)
      throw new PythonError({ error: answer.error, message: answer.message ?? '' });
    return answer.result;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin.end();
    await once(this.#child, 'close');
  }
}

/** Without the indentation that the code has in a test. */
function outdented(code: string): string {
  const lines = code.split('\n');
  const filled = lines.filter((line) => line.trim() !== '');
  const least = Math.min(...filled.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(least)).join('\n');
}
