import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { MillraceError } from '../core/errors.ts';

/** From standard input without its last line break, or asked twice on the terminal and not shown. */
export async function readPassword(fromStdin: boolean): Promise<string> {
  if (fromStdin) return (await text(process.stdin)).replace(/\r?\n$/, '');
  if (process.stdin.isTTY !== true)
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      'There is no terminal to ask for a password. Pipe it in: --password-stdin < password.txt.',
    );
  const [password, again] = await askHidden(['Password: ', 'Again: ']);
  if (password === again) return password as string;
  throw new MillraceError('MR_COMMAND_USAGE', 'The two passwords differ. Try again.');
}

async function askHidden(questions: readonly string[]): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    // What is typed is echoed here.
    output: nowhere,
    terminal: true,
    historySize: 0,
  });
  const stopped = new AbortController();
  for (const event of ['SIGINT', 'close'] as const) lines.once(event, () => stopped.abort());
  const answers: string[] = [];
  try {
    for (const question of questions) {
      process.stderr.write(question);
      answers.push(await lines.question('', { signal: stopped.signal }));
      process.stderr.write('\n');
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    throw new MillraceError('MR_COMMAND_USAGE', 'No password was given.', { cause: error });
  } finally {
    lines.close();
  }
  return answers;
}
