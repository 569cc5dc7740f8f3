import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/java-env.mjs', import.meta.url));
/** Programs are short: starting quickly is worth more than running fast. */
const JVM = [
  ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
];

interface JavaPaths {
  readonly programs: string;
  readonly dynamodbLocal: string;
  readonly nativeLibraries: string;
}

/** A line of a program of `test/aws/java`. */
export interface Line {
  readonly [name: string]: string | number | boolean | null;
}

export interface RunningProgram {
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly lines: readonly Line[];
  /** Text on standard error so far. */
  errors(): string;
  /** SIGKILL; its lines are all there afterwards. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly [name: string]: string | number;
}

let found: JavaPaths | undefined;

/** Class paths; made at first use. */
export function javaPaths(): JavaPaths {
  found ??= JSON.parse(
    execFileSync(process.execPath, [SCRIPT], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as JavaPaths;
  return found;
}

/** Runs a program to its end; what it printed. */
export async function runJava<T = Line>(
  program: string,
  options: ProgramOptions,
  jvm: readonly string[] = [],
): Promise<T[]> {
  const running = startJava(program, options, jvm);
  const [code] = (await once(running.process, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${running.errors()}`);
  return running.lines as unknown as T[];
}

/** Starts a program, for as long as the test. */
export function startJava(
  program: string,
  options: ProgramOptions,
  jvm: readonly string[] = [],
): RunningProgram {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn('java', [...JVM, ...jvm, '-cp', javaPaths().programs, program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const kill = async () => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGKILL');
    if (!isOver) await once(child, 'close');
  };
  return { process: child, lines, errors: () => errors, kill };
}
