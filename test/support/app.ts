import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { App, type AppOptions } from '../../src/app/app.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';

/** A pipeline in this process, for tests that play its parts by hand; it ends with the test. */
export async function startApp(
  folder: string,
  source: string,
  options: Partial<AppOptions> = {},
): Promise<App> {
  const app = await begin(folder, source, options);
  onTestFinished(() => app.stop({ deliver: false }));
  return app;
}

/** One pipeline for all tests of a file that change nothing another one looks at. */
export function appOfFile(source: string): () => App {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  let app: App | undefined;
  beforeAll(async () => {
    app = await begin(folder, source, {});
  });
  afterAll(async () => {
    await app?.stop({ deliver: false });
    rmSync(folder, { recursive: true, force: true });
  });
  return () => app as App;
}

function begin(folder: string, source: string, options: Partial<AppOptions>): Promise<App> {
  const file = join(folder, 'pipeline.ts');
  writeFileSync(file, source);
  return App.start({
    file,
    folder: join(folder, '.millrace'),
    mode: 'dev',
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    allowedLocations: [],
    allowBreaking: false,
    triggers: true,
    clock: systemClock,
    logger: silentLogger,
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
}

export async function sendTo(
  app: App,
  stream: string,
  rows: readonly object[],
): Promise<{ accepted: number }> {
  const response = await fetch(`${app.address}/v1/streams/${stream}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: rows.map((row) => JSON.stringify(row)).join('\n'),
  });
  const answer = (await response.json()) as { accepted: number; error?: { message: string } };
  if (answer.error) throw new Error(answer.error.message);
  return answer;
}

export async function askSql(app: App, sql: string): Promise<unknown[][]> {
  const response = await fetch(`${app.address}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql }),
  });
  const answer = (await response.json()) as {
    rows: unknown[][];
    error?: { code: string; message: string };
  };
  if (answer.error)
    throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
  return answer.rows;
}
