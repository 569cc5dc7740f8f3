/** What the generator says while it works. */

const TERMINAL_MS = 100;
const PIPED_MS = 5000;

export const formatCount = (value) => value.toLocaleString('en-GB');

/** A line that is written over on a terminal; elsewhere one now and then. */
export function createProgress() {
  const isTerminal = process.stderr.isTTY === true;
  let lastMs;
  let isOpen = false;
  const say = (text) => {
    process.stderr.write(`${isOpen ? '\r\x1b[K' : ''}${text}\n`);
    isOpen = false;
  };
  const update = (text) => {
    lastMs ??= Date.now();
    if (Date.now() - lastMs < (isTerminal ? TERMINAL_MS : PIPED_MS)) return;
    lastMs = Date.now();
    if (!isTerminal) return say(text);
    process.stderr.write(`\r\x1b[K${text}`);
    isOpen = true;
  };
  let refusal;
  return {
    say,
    history: ({ lines, of }) =>
      update(
        `  history: ${formatCount(lines)} of ${formatCount(of)} lines (${Math.floor((100 * lines) / of)} %)`,
      ),
    live: ({ lines }) => {
      if (isTerminal) update(`  live: ${formatCount(lines)} lines sent`);
    },
    refused: (message) => {
      if (message !== refusal) say(`The server refuses records: ${message}`);
      refusal = message;
    },
  };
}

/** What became of the history, in a sentence. */
export function historyText(state, { lines, invoices, revenue }) {
  if (state === 'other')
    return 'Another history is there already (other --seed or --history); it is left as it is.';
  const what = `${formatCount(lines)} lines of ${formatCount(invoices)} invoices, revenue ${revenue}`;
  return state === 'there'
    ? `The history is there already: ${what}.`
    : `The history is stored: ${what}.`;
}
