// `npm start`: builds, runs examples/ecommerce, fills it with two years of a shop's records and keeps selling.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createProgress, formatCount, historyText } from '../examples/ecommerce/progress.mjs';
import { createClient, sendHistory, sendLive } from '../examples/ecommerce/send.mjs';
import { Shop, timestampText } from '../examples/ecommerce/shop.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLE = 'examples/ecommerce';
const PORT = Number(process.env.MILLRACE_PORT ?? 4000);
/** Live lines come a little faster than those of the past, so that the page moves and its past can still be seen. */
const SHOP = { seed: 7, lines: 200_000, rate: 2 };
/** The first invoice of any history. */
const INVOICE = '1000001';

const progress = createProgress();
const stop = new AbortController();
const { signal } = stop;
const impatience = new AbortController();
const say = (text) => process.stdout.write(`${text}\n`);
const bold = (text) =>
  process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[0m` : text;

/** An end that the user needs to read about, without a stack. */
class Problem extends Error {}

async function main() {
  if (!Number.isInteger(PORT) || PORT < 0 || PORT > 65_535)
    throw new Problem(
      `MILLRACE_PORT must be a number from 0 to 65535, not '${process.env.MILLRACE_PORT}'.`,
    );
  if (!existsSync(join(ROOT, 'node_modules')))
    throw new Problem('Dependencies are missing. Run `npm ci` first.');
  if (process.env.MILLRACE_BUILT !== '1') await build();
  const port = await freePort(PORT);
  say(`Starting ${EXAMPLE} …`);
  const pipeline = startPipeline(port);
  try {
    const url = await Promise.race([pipeline.ready, pipeline.failed]);
    signal.throwIfAborted();
    say(`The page is ${bold(`${url}/`)}; its history comes in now …`);
    await Promise.race([fill(url), pipeline.failed]);
  } finally {
    stop.abort();
    await pipeline.stop();
  }
}

/** Says nothing where all is well. */
async function build() {
  say('Building …');
  const child = spawn(process.execPath, ['scripts/build.mjs'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Problem(`The build failed:\n${output.trim()}`);
}

/** The wanted port, or 0 (any that is free) where another program has it. */
async function freePort(wanted) {
  const server = createServer();
  try {
    server.listen(wanted, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return wanted;
  } catch (error) {
    if (error.code === 'EACCES')
      throw new Problem(
        `Port ${wanted} may not be used by this user. Set MILLRACE_PORT to one above 1023.`,
      );
    if (error.code !== 'EADDRINUSE') throw error;
    say(
      `Port ${wanted} is taken by another program, so a free one is used. MILLRACE_PORT sets another.`,
    );
    return 0;
  }
}

/** `ready` resolves to the address; `failed` rejects when the pipeline ends by itself. */
function startPipeline(port) {
  // Its own process group: Ctrl-C comes here alone, and it is stopped when nothing is sent any more.
  const child = spawn(
    process.execPath,
    ['bin/millrace.js', 'dev', EXAMPLE, '--port', String(port), '--json'],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let cause;
  child.stderr.on('data', (chunk) => process.stderr.write(chunk));
  const ended = once(child, 'exit');
  // Whatever ends this process, the pipeline does not outlive it.
  process.on('exit', () => child.kill('SIGTERM'));
  const ready = new Promise((found) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line);
      if (event.event === 'ready') found(event.http);
      if (event.event === 'reloaded')
        progress.say('The pipeline file was changed and is loaded again.');
      if (event.event === 'reload-failed')
        progress.say(
          `The changed pipeline file is wrong, so the one before goes on: ${event.message}`,
        );
      if (event.code === 'MR_STORAGE_LOCKED')
        cause =
          'stop the other one first, or give this one data of its own: MILLRACE_DATA=/some/folder npm start';
    });
  });
  const failed = ended.then(([code, name]) => {
    if (signal.aborted) return new Promise(() => {});
    cause ??= name === null ? 'what it said is above' : 'perhaps there was too little memory';
    throw new Problem(`The pipeline ended (${name ?? `exit code ${code}`}): ${cause}.`);
  });
  failed.catch(() => {});
  return {
    ready,
    failed,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const kill = () => child.kill('SIGKILL');
      impatience.signal.addEventListener('abort', kill);
      const [code, name] = await ended;
      if (code !== 0)
        throw new Problem(
          `The pipeline did not stop as it should (${name ?? `exit code ${code}`}).`,
        );
    },
  };
}

async function fill(url) {
  const client = createClient({
    url,
    signal,
    onWait: (reason) => progress.say(`Waiting for the pipeline: ${reason}`),
  });
  const shop = new Shop(SHOP.seed);
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  const { state, totals } = await sendHistory(client, shop, {
    ...SHOP,
    endMs,
    onProgress: progress.history,
  });
  progress.say(historyText(state, totals));
  if (state === 'sent') await runModel(url);
  say(nextSteps(url));
  await sendLive(client, shop, {
    ...SHOP,
    signal,
    onProgress: progress.live,
    onRefused: progress.refused,
  });
}

/** It would run by itself within a minute; nobody wants to look at empty charts meanwhile. */
async function runModel(url) {
  say('Running the model daily_revenue …');
  const response = await fetch(`${url}/v1/models/daily_revenue/runs`, { method: 'POST', signal });
  const { state, rows, error } = await response.json();
  progress.say(
    state === 'succeeded'
      ? `The model daily_revenue has ${formatCount(rows)} rows.`
      : `The model daily_revenue could not be run: ${error?.message ?? error}`,
  );
}

function nextSteps(url) {
  const data = process.env.MILLRACE_DATA
    ? ` --data ${resolve(ROOT, process.env.MILLRACE_DATA)}`
    : '';
  const record = {
    invoice_no: 'HELLO-1',
    stock_code: '20000',
    description: 'My first line',
    quantity: 2,
    unit_price: 2.55,
    invoice_date: timestampText(Date.now()),
    country: 'United Kingdom',
  };
  const sql =
    'select country, sum(quantity * unit_price) as revenue from sales group by country order by revenue desc limit 5';
  return `
  ${bold(`Open the page:  ${url}/`)}

${SHOP.rate} new lines a second come in, and the page moves with them. Click a bar, drag over the line. Then, in another terminal:

  Send a record: it is on the page at once, the first of "Latest lines"
    curl -sw '\\n' ${url}/v1/streams/sales/records -H 'content-type: application/json' -d '${JSON.stringify(record)}'

  Ask with SQL, on ${url}/sql or here
    npx millrace query --pipeline ${EXAMPLE}${data} "${sql}"

  Look up an invoice, on ${url}/lookups or here
    curl -sw '\\n' ${url}/v1/lookups/invoices/${INVOICE}
    curl -sw '\\n' ${url}/v1/lookups/invoices/${record.invoice_no}

  See how it is, on ${url}/streams or here
    npx millrace status --pipeline ${EXAMPLE}${data}

  Use it from Postman: import ${url}/openapi.json

The pipeline is ${EXAMPLE}/pipeline.ts: change it and save, and the page follows. Ctrl-C stops everything.
`;
}

/** npm passes a Ctrl-C on that the terminal has sent here already: only a later one means "at once". */
const AGAIN_MS = 1000;
let stoppedMs = 0;
function onSignal() {
  if (impatience.signal.aborted || (signal.aborted && Date.now() - stoppedMs < AGAIN_MS)) return;
  if (signal.aborted) return impatience.abort();
  stoppedMs = Date.now();
  progress.say('Stopping … (Ctrl-C again ends it at once)');
  stop.abort();
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, onSignal);
// Nobody reads any more: as if the terminal were closed.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort());

main().catch((error) => {
  if (signal.aborted && !(error instanceof Problem)) return progress.say('Stopped.');
  progress.say(`error ${error instanceof Problem ? error.message : error.stack}`);
  process.exitCode = 1;
});
