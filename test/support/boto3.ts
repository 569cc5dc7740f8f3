import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type AwsKey, awsEnvironment } from './aws.ts';
import { python } from './python.ts';

const CALLS = fileURLToPath(new URL('../interop/aws_calls.py', import.meta.url));

type Input = object;

/** What a service refused, as boto3 tells it. */
export class RefusedCall extends Error {
  readonly code: string;
  readonly status: number;

  constructor({ code, message, status }: { code: string; message: string; status: number }) {
    super(`${code}: ${message}`);
    this.name = code;
    this.code = code;
    this.status = status;
  }
}

/** A client of boto3 in a process of its own, which makes one call after another. Bytes are Buffers, times Dates. */
export class Boto3 {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];

  constructor(service: 'kinesis' | 'firehose', url: string, key?: AwsKey) {
    this.#child = spawn(python(), [CALLS, service], {
      env: { ...process.env, ...awsEnvironment(url, key) },
    });
    let said = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) =>
      this.#waiting.shift()?.resolve(line),
    );
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`boto3 ended: ${said}`));
    });
  }

  call<T = object>(operation: string, input: Input = {}): Promise<T> {
    return this.#ask<T>({ call: operation, with: input });
  }

  /** A waiter of boto3, `stream_exists` for example. */
  async wait(waiter: string, input: Input): Promise<void> {
    await this.#ask({ wait: waiter, with: input });
  }

  /** Every page that a paginator of boto3 gives. */
  pages<T>(operation: string, input: Input): Promise<T[]> {
    return this.#ask<T[]>({ pages: operation, with: input });
  }

  /** The events of an operation that streams, until they hold so many records. */
  events<T>(operation: string, input: Input, count: number): Promise<T[]> {
    return this.#ask<T[]>({ records: operation, with: input, count });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<T>(question: object): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(question, encode)}\n`);
    });
    const told = JSON.parse(line, decode) as {
      answer: T;
      error?: { code: string; message: string; status: number };
    };
    if (told.error) throw new RefusedCall(told.error);
    return told.answer;
  }
}

/** `JSON.stringify` has asked Buffer and Date for their own forms already: the holder has the value itself. */
function encode(this: Record<string, unknown>, name: string, form: unknown): unknown {
  const value = this[name];
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return { $time: value.getTime() };
  return form;
}

function decode(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$bytes' in value) return Buffer.from(value.$bytes as string, 'base64');
  if ('$time' in value) return new Date(value.$time as number);
  return value;
}
