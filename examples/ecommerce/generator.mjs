#!/usr/bin/env node
/** Fills the example with a believable shop: two years of history, then live records. */
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { createProgress, historyText } from './progress.mjs';
import { createClient, historyBatches, ndjson, sendHistory, sendLive } from './send.mjs';
import { Shop } from './shop.mjs';

const HELP = `Sends the records of a generated shop to the stream \`sales\`.

  node ${relative('', process.argv[1])} --url http://127.0.0.1:4000 --seed 7 --history 200000 --rate 2

  --url ADDRESS    where the pipeline runs (default: http://127.0.0.1:4000)
  --key mr_…       a key, where the server wants one: producer, and reader to go on with a history begun earlier
  --seed NUMBER    the same seed makes the same shop (default: 7)
  --history LINES  invoice lines of the two years before --end (default: 200000)
  --end TIME       where the history ends, for example 2026-11-01T00:00:00, in UTC (default: now)
  --rate NUMBER    live records a second; 0 ends after the history (default: 2)
  --live-only      no history
  --print          write the history to standard output as NDJSON, and send nothing
  --help           this text

A history that is there already, whole or in part, is not sent twice. Ctrl-C stops.
`;

const OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:4000' },
  key: { type: 'string' },
  seed: { type: 'string', default: '7' },
  history: { type: 'string', default: '200000' },
  end: { type: 'string' },
  rate: { type: 'string', default: '2' },
  'live-only': { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

class UsageError extends Error {}

function readOptions() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (!URL.canParse(values.url))
      throw new UsageError(
        `--url must be an address such as http://127.0.0.1:4000, not '${values.url}'.`,
      );
    return {
      ...values,
      liveOnly: values['live-only'],
      seed: whole('seed', values.seed, 2 ** 32 - 1),
      lines: whole('history', values.history, 10_000_000),
      rate: positive('rate', values.rate),
      endMs: values.end === undefined ? Math.floor(Date.now() / 1000) * 1000 : instant(values.end),
    };
  } catch (error) {
    if (error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS'))
      throw new UsageError(error.message);
    throw error;
  }
}

function whole(name, text, max) {
  if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text);
  throw new UsageError(`--${name} must be a whole number from 0 to ${max}, not '${text}'.`);
}

function positive(name, text) {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 10_000) return Number(text);
  throw new UsageError(`--${name} must be a number from 0 to 10000, not '${text}'.`);
}

function instant(text) {
  const ms = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) || !text.includes('T') ? text : `${text}Z`);
  if (!Number.isNaN(ms)) return Math.floor(ms / 1000) * 1000;
  throw new UsageError(`--end must be a time such as 2026-11-01T00:00:00, not '${text}'.`);
}

async function print(shop, options) {
  for (const { records } of historyBatches(shop, options)) {
    if (!process.stdout.write(ndjson(records)))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(HELP);
  const shop = new Shop(options.seed);
  if (options.print) return print(shop, options);
  const progress = createProgress();
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => stop.abort());
  const { signal } = stop;
  const client = createClient({
    ...options,
    signal,
    onWait: (reason) => progress.say(`Waiting for ${options.url}: ${reason}`),
  });
  try {
    if (!options.liveOnly) {
      const { state, totals } = await sendHistory(client, shop, {
        ...options,
        onProgress: progress.history,
      });
      progress.say(historyText(state, totals));
    }
    if (options.rate > 0)
      await sendLive(client, shop, {
        ...options,
        signal,
        onProgress: progress.live,
        onRefused: progress.refused,
      });
  } catch (error) {
    if (!signal.aborted) throw error;
    progress.say('Stopped.');
  }
}

main().catch((error) => {
  process.stderr.write(
    `error ${error.message}${error instanceof UsageError ? '\n(see --help)' : ''}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
