import { openConnection } from '../support/connection.mjs';

export function request(body) {
  const lines = body.toString().trimEnd().split('\n');
  const commands = lines.map(
    (line) =>
      '*5\r\n$4\r\nXADD\r\n$5\r\nsales\r\n$1\r\n*\r\n$1\r\nd\r\n' +
      `$${Buffer.byteLength(line)}\r\n${line}\r\n`,
  );
  return Buffer.from(commands.join(''));
}

export async function open({ port, perRequest }) {
  const connection = openConnection({ port });
  return {
    send: (bytes) => connection.ask(bytes, (answer) => wholeAnswer(answer, perRequest)),
    close: connection.close,
  };
}

const NEWLINE = 10;

/** Each command is answered by two lines: the length of the entry's id, and the id. */
function wholeAnswer(bytes, commands) {
  if (bytes[0] === 45) throw new Error(bytes.toString());
  if (bytes.at(-1) !== NEWLINE) return undefined;
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  if (lines < 2 * commands) return undefined;
  if (bytes.includes('\n-')) throw new Error('a command was refused');
  return commands;
}
