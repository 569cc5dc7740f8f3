import type { MillraceError } from '../core/errors.ts';

/** What a command writes: people's text, or one JSON object per line for programs. */
export interface Output {
  readonly json: boolean;
  /** For people only. */
  say(text: string): void;
  /** For programs only. */
  event(event: object): void;
  /** Replaces the line before, on a terminal; elsewhere now and then a line. */
  progress(text: string, event: object): void;
  /** For people, on standard error: programs have it in their events. */
  complain(text: string): void;
  fail(error: MillraceError): void;
}

const PROGRESS_PIPED_MS = 5000;
const PROGRESS_JSON_MS = 500;
const PROGRESS_TERMINAL_MS = 100;

export function createOutput(json: boolean): Output {
  const terminal = process.stderr.isTTY === true;
  const everyMs = json ? PROGRESS_JSON_MS : terminal ? PROGRESS_TERMINAL_MS : PROGRESS_PIPED_MS;
  // What is done at once needs no word of how far it is.
  let last = Date.now();
  let pending = false;
  const endProgress = () => {
    if (pending) process.stderr.write('\r\x1b[K');
    pending = false;
  };
  const complain = (text: string) => {
    endProgress();
    process.stderr.write(`${paint('red', 'error')} ${text}\n`);
  };
  return {
    json,
    say: (text) => {
      endProgress();
      if (!json) process.stdout.write(`${text}\n`);
    },
    event: (event) => {
      if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
    },
    progress: (text, event) => {
      const now = Date.now();
      if (now - last < everyMs) return;
      last = now;
      if (json) process.stdout.write(`${JSON.stringify({ event: 'progress', ...event })}\n`);
      else if (terminal) {
        process.stderr.write(`\r\x1b[K${text}`);
        pending = true;
      } else process.stderr.write(`${text}\n`);
    },
    complain,
    fail: (error) => {
      if (json)
        process.stdout.write(
          `${JSON.stringify({ event: 'error', code: error.code, message: error.message, ...error.details })}\n`,
        );
      complain(error.message);
    },
  };
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** Colours only on a terminal, and never where NO_COLOR is set. */
export function paint(colour: keyof typeof CODES, text: string): string {
  const wanted =
    process.stdout.isTTY === true && process.stderr.isTTY === true && !process.env['NO_COLOR'];
  return wanted ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

/** Columns lined up; numbers to the right. */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string {
  const widths = head.map((name, column) =>
    rows.reduce(
      (width, row) => Math.max(width, displayWidth(row[column] ?? '')),
      displayWidth(name),
    ),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0, right[column] ?? false))
      .join('  ')
      .trimEnd();
  return [
    paint('bold', line(head)),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n');
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return right ? space + text : text + space;
}

function displayWidth(text: string): number {
  return [...text].length;
}

export function formatCount(value: number): string {
  return value.toLocaleString('en-GB');
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
