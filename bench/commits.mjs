import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../dist/core/logger.js';
import { nodeFileSystem } from '../dist/core/node-file-system.js';
import { FileTableStore } from '../dist/lake/embedded/file-table-store.js';
import { TableMaintenance } from '../dist/lake/embedded/table-maintenance.js';
import { TableRegistry } from '../dist/lake/embedded/table-registry.js';
import { temporaryFolder } from './support/folders.mjs';
import { diskText, fdatasyncMs, watchMachine } from './support/machine.mjs';
import { progress, report } from './support/report.mjs';
import { quantile } from './support/statistics.mjs';

/**
 * P7: what a commit of a table takes as its history grows, with compaction, expiry and sweeping as they run by
 * themselves. Commits come a second apart on a clock that the bench moves; files have the statistics of 25 columns
 * and no rows: writing Parquet is P6.
 */

const WINDOW = 100;
const FILE_BYTES = 2_000_000;
const ROWS = 10_000;
const FIELDS = Array.from({ length: 25 }, (_, index) => ({
  name: `c${index}`,
  type: { kind: index % 2 === 0 ? 'long' : 'string' },
  optional: false,
}));

export async function commits({ commits: count }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const disk = [fdatasyncMs(folder)];
  const table = await openTable(folder);
  const marks = [WINDOW, 1000, count].filter((mark) => mark <= count);
  const windows = [];
  let times = [];
  for (let commit = 1; commit <= count; commit++) {
    times.push(await table.commit());
    await table.second();
    if (!marks.includes(commit)) continue;
    windows.push({ commit, ...windowOf(times), ...table.sizes() });
    disk.push(fdatasyncMs(folder));
    progress(`commit ${commit}: ${JSON.stringify(windows.at(-1))}`);
    times = [];
  }
  await table.close();
  reportCommits(windows, { disk, machine: machine() });
}

/** Of all since the last mark, and of the last hundred. */
function windowOf(times) {
  const last = times.slice(-WINDOW);
  return {
    p50: quantile(last, 0.5),
    p99: quantile(times, 0.99),
    most: Math.max(...times),
    mean: times.reduce((sum, ms) => sum + ms, 0) / times.length,
  };
}

async function openTable(folder) {
  const clock = handMovedClock();
  const context = { files: nodeFileSystem(), clock, logger: silentLogger };
  const store = new FileTableStore(new TableRegistry(folder, context));
  const settings = { namespace: 'lake', name: 'sales', fields: FIELDS, partitionBy: [] };
  const table = await store.open(settings);
  const maintenance = new TableMaintenance({
    ...context,
    tables: () => [table],
    compact: async ({ scan, ...target }) => {
      const sum = (name) => scan.files.reduce((total, file) => total + file[name], 0);
      return { files: [writtenFile(target, sum('rows'), sum('bytes'))] };
    },
    removeFiles: async () => {},
  });
  maintenance.start();
  let number = 0;
  return {
    commit: async () => {
      number += 1;
      const file = writtenFile(table.target, ROWS, FILE_BYTES);
      const start = performance.now();
      await table.append([file], { 'millrace.checkpoint': `{"epoch":"bench","next":"${number}"}` });
      return performance.now() - start;
    },
    second: () => clock.move(1000),
    sizes: () => {
      const metadata = join(table.path, 'metadata');
      const names = readdirSync(metadata);
      const [newest] = names
        .filter((name) => /^v\d+\.metadata\.json$/.test(name))
        .sort((a, b) => Number.parseInt(b.slice(1), 10) - Number.parseInt(a.slice(1), 10));
      return {
        metadataBytes: statSync(join(metadata, newest)).size,
        metadataFiles: names.length,
        snapshots: table.snapshots.length,
        files: table.live.length,
      };
    },
    close: () => maintenance.close(),
  };
}

let made = 0;
function writtenFile({ folder, specId }, rows, bytes) {
  made += 1;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${String(made).padStart(36, '0')}.parquet`);
  writeFileSync(path, '');
  const statistics = FIELDS.map(({ name, type }, index) => [
    `"${name}"`,
    {
      column_size_bytes: String(80_000 + index),
      num_values: String(rows),
      null_count: '0',
      min: type.kind === 'long' ? String(made * ROWS) : `value ${made}`,
      max: type.kind === 'long' ? String(made * ROWS + rows) : `value ${made + rows}`,
    },
  ]);
  return { path, rows, bytes, specId, partition: [], statistics: Object.fromEntries(statistics) };
}

/** What is due is done before the next commit, as it is where commits are a second apart. */
function handMovedClock() {
  let now = Date.now();
  let due = [];
  return {
    now: () => now,
    after: (ms, action) => {
      const timer = { at: now + ms, action };
      due.push(timer);
      return () => {
        due = due.filter((one) => one !== timer);
      };
    },
    move: async (ms) => {
      now += ms;
      const ready = due.filter((one) => one.at <= now);
      due = due.filter((one) => one.at > now);
      for (const { action } of ready) await action();
    },
  };
}

function reportCommits(windows, { disk, machine }) {
  const [first] = windows;
  const row = (measure, unit, value, anchor, bounds = {}) => ({
    measure,
    unit,
    value,
    anchor,
    ...bounds,
  });
  report({
    name: 'commits',
    title: `P7 commits of one table, a second apart, with maintenance: ${windows.at(-1).commit.toLocaleString('en')}`,
    anchor: `the same at commit ${first.commit}`,
    rows: windows.slice(1).flatMap((window) => [
      row(`to commit ${window.commit}: p50 of the last ${WINDOW}`, 'ms', window.p50, first.p50, {
        ship: [['ratio', '<=', 2]],
        goal: [['ratio', '<=', 1.2]],
      }),
      row(
        `to commit ${window.commit}: p99 of all since the mark before`,
        'ms',
        window.p99,
        first.p99,
        {
          ship: [['ratio', '<=', 2]],
          goal: [['value', '<=', 15]],
        },
      ),
      row(
        `at commit ${window.commit}: metadata.json`,
        'kB',
        window.metadataBytes / 1000,
        first.metadataBytes / 1000,
      ),
      row(
        `at commit ${window.commit}: files in metadata/`,
        '',
        window.metadataFiles,
        first.metadataFiles,
      ),
    ]),
    notes: [
      diskText(disk),
      `${windows.at(-1).files} data files and ${windows.at(-1).snapshots} snapshots at the end.`,
    ],
    rounds: windows,
    machine,
  });
}
