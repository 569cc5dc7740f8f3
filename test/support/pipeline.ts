import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import {
  MILLRACE,
  type RunningPipeline,
  runPipeline,
  type StartOptions,
} from './running-pipeline.ts';

export { eventually } from './eventually.ts';
export { MILLRACE, type RunningPipeline, type StartOptions } from './running-pipeline.ts';

/** `runPipeline` for as long as the test. */
export function startPipeline(
  folder: string,
  source: string | undefined,
  options: StartOptions = {},
): Promise<RunningPipeline> {
  const started = (child: { kill(signal: 'SIGKILL'): unknown }) =>
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
  return runPipeline(folder, source, { ...options, started });
}

/** Runs a command to its end. */
export async function millrace(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MILLRACE, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
