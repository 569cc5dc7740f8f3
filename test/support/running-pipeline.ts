import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command line as users run it. */
export const MILLRACE: string = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url));

export interface RunningPipeline {
  readonly url: string;
  readonly folder: string;
  readonly process: ChildProcess;
  /** Events of `--json`, as they came. */
  readonly events: readonly { readonly event: string; readonly [name: string]: unknown }[];
  /** Text on standard error so far. */
  errors(): string;
  post(path: string, body: string | Buffer, headers?: Record<string, string>): Promise<Response>;
  /** Rows of a query, values as SQL's JSON has them. */
  sql(query: string, params?: unknown[]): Promise<unknown[][]>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
  /** kill -9 of the main process and, as their parent is gone, its children. */
  kill(): Promise<void>;
  waitFor(event: string): Promise<{ readonly [name: string]: unknown }>;
}

export interface StartOptions {
  readonly mode?: 'dev' | 'start';
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Words before the command, for example to run it in another namespace. */
  readonly via?: readonly string[];
  /** Told of the process before it is ready. */
  readonly started?: (child: ChildProcess) => void;
}

/** Writes `pipeline.ts` into the folder and runs it on a free port, until `kill` or `stop`. */
export async function runPipeline(
  folder: string,
  source: string | undefined,
  options: StartOptions = {},
): Promise<RunningPipeline> {
  if (source !== undefined) writeFileSync(join(folder, 'pipeline.ts'), source);
  const [program, ...words] = [
    ...(options.via ?? []),
    process.execPath,
    ...[MILLRACE, options.mode ?? 'dev', folder, '--port', '0', '--json'],
    ...(options.args ?? []),
  ];
  const child = spawn(program as string, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  options.started?.(child);
  const events: { event: string }[] = [];
  const listeners = new Set<() => void>();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(JSON.parse(line) as { event: string });
    for (const listener of listeners) listener();
  });
  const waitFor = (event: string) =>
    new Promise<{ [name: string]: unknown }>((resolve, reject) => {
      const seen = events.length > 0 && event !== 'ready' ? events.length : 0;
      const look = () => {
        const found = events.slice(seen).find((candidate) => candidate.event === event);
        if (!found) return;
        listeners.delete(look);
        resolve(found as unknown as { [name: string]: unknown });
      };
      listeners.add(look);
      child.once('exit', (code) =>
        reject(
          new Error(
            `the pipeline ended with ${code} before '${event}':\n${errors}\n${JSON.stringify(events)}`,
          ),
        ),
      );
      look();
    });
  const ready = await waitFor('ready');
  const url = ready['http'] as string;
  const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      body: body as string,
      headers: { 'content-type': 'application/json', ...headers },
    });
  return {
    url,
    folder,
    process: child,
    events,
    post,
    waitFor,
    errors: () => errors,
    sql: async (query, params = []) => {
      const response = await post('/v1/sql', JSON.stringify({ sql: query, params }));
      const answer = (await response.json()) as { rows?: unknown[][]; error?: { message: string } };
      if (!answer.rows) throw new Error(`${query}: ${answer.error?.message}`);
      return answer.rows;
    },
    stop: async () => {
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      const [code] = (await once(child, 'close')) as [number | null];
      return code;
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
