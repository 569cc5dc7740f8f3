import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../support/eventually.ts';

const START_MS_MAX = 120_000;
const STOP_MS_MAX = 10_000;
const SAID_LENGTH_MAX = 8000;

interface EngineOptions {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs beside the tests; what it says last is told when it ends too early. */
export class EngineProcess {
  readonly child: ChildProcess;
  #said = '';

  constructor(
    command: string,
    words: readonly string[],
    { folder, env = {} }: EngineOptions,
    output: 'said' | 'kept' = 'said',
  ) {
    this.child = spawn(command, words, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const listen = (text: string) => {
      this.#said = `${this.#said}${text}`.slice(-SAID_LENGTH_MAX);
    };
    this.child.stderr?.setEncoding('utf8').on('data', listen);
    this.child.stdout?.setEncoding('utf8');
    if (output === 'said') this.child.stdout?.on('data', listen);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** That it ended, and what it said. */
  ending(): Error {
    return new Error(`${this.child.spawnargs.slice(0, 3).join(' ')} … ended:\n${this.#said}`);
  }

  /** Waits until `isReady` says so. */
  async started(isReady: () => Promise<boolean>): Promise<void> {
    const ask = async () => {
      if (this.hasEnded) throw this.ending();
      return (await isReady()) || undefined;
    };
    await eventually(ask, START_MS_MAX).catch((error: unknown) => {
      this.child.kill('SIGKILL');
      throw new Error(`${(error as Error).message}; it said:\n${this.#said}`);
    });
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS_MAX);
    await ended;
    clearTimeout(late);
  }
}
