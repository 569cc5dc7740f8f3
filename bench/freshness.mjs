import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchChromium, openPage } from './support/chromium.mjs';
import { sendLive } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { copyOfHistory } from './support/history.mjs';
import { watchMachine } from './support/machine.mjs';
import { pageProbe } from './support/page-probe.mjs';
import { cpuByProgram, memoryByProgram } from './support/proc.mjs';
import { progress, report } from './support/report.mjs';
import { MARKER_COUNTRY, MARKER_QUANTITY, SALES_PIPELINE } from './support/sales.mjs';
import { startMillrace } from './support/server.mjs';
import { median, quantile } from './support/statistics.mjs';

/** P5: from a record's acknowledgement to its number on the screen, and in SQL, under load. */

const BATCH = { perBatch: 500, everyMs: 25 };
const MARKER_EVERY = 10;
const SAMPLE_MS = 5000;

export async function freshness({ freshnessRows: rows, freshnessSeconds: seconds, profileFolder }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const place = join(folder, 'millrace');
  await copyOfHistory(place, rows);
  const started = await startMillrace(place, SALES_PIPELINE, { profileFolder });
  const millrace = await started.withProducerKey();
  await millrace.call('/v1/dashboards/shop/answers', {});
  const browser = await launchChromium();
  const { page, cpuMs, errors } = await openPage(browser, millrace, `(${pageProbe})()`);
  await page.goto(`${millrace.url}/d/shop?country=${encodeURIComponent(MARKER_COUNTRY)}`);
  await page.locator('[data-chart] svg path').nth(6).waitFor({ state: 'attached' });
  await sleep(2000);

  const [pageCpu, cpu] = [await cpuMs(), cpuByProgram(millrace.pid)];
  const [start, answers] = [performance.now(), await page.evaluate('probe.answers.length')];
  const live = sendLive(millrace, { ...BATCH, markerEvery: MARKER_EVERY });
  const samples = [];
  const asked = askSql(millrace, () => performance.now() - start < seconds * 1000);
  for (let next = SAMPLE_MS; next <= seconds * 1000; next += SAMPLE_MS) {
    await sleep(Math.max(0, start + next - performance.now()));
    samples.push(memoryByProgram(millrace.pid));
    progress(
      `${next / 1000} s: ${await page.evaluate('probe.markers.length')} markers on the screen; ` +
        samples
          .at(-1)
          .map(({ program, mb }) => `${program} ${mb.toFixed(0)} MB`)
          .join(', '),
    );
  }
  const queries = await asked;
  const sent = await live.stop();
  checkSql(queries, sent.markers);
  const sql = queries.map(({ ms }) => ms);
  const wallMs = performance.now() - start;
  const redraws = (await page.evaluate('probe.answers.length')) - answers;
  const spent = cpuByProgram(millrace.pid).map(({ program, us }, index) => ({
    program,
    share: (us - (cpu[index]?.us ?? 0)) / 1000 / wallMs,
  }));
  const pageShare = ((await cpuMs()) - pageCpu) / wallMs;
  const seen = await seenMarkers(page, sent.markers.length);
  if (errors.length > 0) throw new Error(`the page threw: ${errors[0]}`);
  await browser.close();
  await millrace.stop();

  const lags = sent.markers.map(({ acknowledged }, index) => seen[index] - acknowledged);
  const perSecond = sent.acknowledged / (sent.tookMs / 1000);
  const least = (program) => samples[0].find((one) => one.program === program)?.mb;
  const last = (program) => samples.at(-1).find((one) => one.program === program)?.mb;
  report({
    name: 'freshness',
    title: `P5 freshness: ${Math.round(perSecond).toLocaleString('en')} records/s for ${seconds} s, in requests of ${BATCH.perBatch}, a filter on, ${(rows / 1e6).toFixed(1)} M records before`,
    anchor: 'none: a promise of its own',
    rows: [
      {
        measure: 'acknowledged → on the screen, p50',
        unit: 'ms',
        value: median(lags),
        goal: [['value', '<=', 300]],
      },
      {
        measure: 'acknowledged → on the screen, p99',
        unit: 'ms',
        value: quantile(lags, 0.99),
        ship: [['value', '<=', 2000]],
        goal: [['value', '<=', 1000]],
      },
      { measure: 'acknowledged → on the screen, longest', unit: 'ms', value: Math.max(...lags) },
      { measure: 'SQL that sees all acknowledged, p50', unit: 'ms', value: median(sql) },
      { measure: 'SQL that sees all acknowledged, p99', unit: 'ms', value: quantile(sql, 0.99) },
      { measure: 'redraws per second', value: (redraws * 1000) / wallMs },
      ...['millrace.js', 'live-program.js'].flatMap((program) => [
        {
          measure: `memory of ${program} after ${SAMPLE_MS / 1000} s`,
          unit: 'MB',
          value: least(program),
        },
        { measure: `memory of ${program} at the end`, unit: 'MB', value: last(program) },
      ]),
    ],
    notes: [
      `${lags.length} markers, each on the screen; sender at most ${sent.lateMs} ms late`,
      `CPU, cores: page ${pageShare.toFixed(2)}, ${spent.map(({ program, share }) => `${program} ${share.toFixed(2)}`).join(', ')}`,
    ],
    rounds: { lags, sql, samples },
    machine: machine(),
  });
}

/** When each marker was on the screen; the sum of quantities counts them. */
async function seenMarkers(page, count) {
  for (let tries = 0; tries < 100; tries++) {
    const seen = await page.evaluate('probe.markers');
    if (seen.length === count) return seen;
    if (seen.length > count)
      throw new Error(`${seen.length} markers are shown, ${count} were sent`);
    await sleep(200);
  }
  throw new Error('not all markers came to the screen within 20 s');
}

/** A query every two seconds: what it counts and how long it takes. */
async function askSql(millrace, isOn) {
  const asked = [];
  while (isOn()) {
    const [began, start] = [Date.now(), performance.now()];
    const [[sum]] = await millrace.sql(
      'SELECT sum(quantity)::VARCHAR FROM sales WHERE quantity > 1000',
    );
    asked.push({
      began,
      ms: performance.now() - start,
      markers: Number(sum ?? 0) / MARKER_QUANTITY,
    });
    await sleep(Math.max(0, 2000 - (performance.now() - start)));
  }
  return asked;
}

/** Each query must count every marker that was acknowledged before it began. */
function checkSql(asked, markers) {
  for (const { began, markers: counted } of asked) {
    const least = markers.filter(({ acknowledged }) => acknowledged < began).length;
    if (counted < least) throw new Error(`SQL counted ${counted} markers, ${least} were stored`);
  }
}
