import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningPipeline, runPipeline } from '../support/running-pipeline.ts';
import type { Round } from './campaign.ts';
import { PIPELINE } from './producers.ts';

const HOSTILE_FILES = new URL('./hostile-files.mjs', import.meta.url).href;

export interface ServerOptions {
  /** Where its data are, if not beside the pipeline. */
  readonly data?: string;
  /** What is wrong with its disk or clock: see hostile-files.mjs. */
  readonly hostile?: string;
  readonly via?: readonly string[];
  readonly pipeline?: string;
}

/** The real server with the stream of the producers; it ends with the round. */
export function startServer(round: Round, options: ServerOptions = {}): Promise<RunningPipeline> {
  const { data, hostile, via, pipeline = PIPELINE } = options;
  return runPipeline(round.folder, pipeline, {
    args: data === undefined ? [] : ['--data', data],
    ...(via === undefined ? {} : { via }),
    env: {
      ...(hostile === undefined
        ? {}
        : { MILLRACE_TORTURE: hostile, NODE_OPTIONS: `--import ${HOSTILE_FILES}` }),
    },
    started: (child) => round.onEnd(() => child.kill('SIGKILL')),
  });
}

export const dataOf = (round: Round): string => join(round.folder, '.millrace');

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export const PYTHON = 'python3';
export const POWER_CUT = fileURLToPath(new URL('./power-cut.py', import.meta.url));
