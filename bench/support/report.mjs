import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './folders.mjs';

/**
 * A row of a report: {measure, value, unit, anchor, ratio, ship, goal}. `ship` and `goal` are lists of
 * bounds [of, comparison, limit], all of which must hold: ['value', '<=', 1.6] or ['ratio', '<=', 1].
 * A row that could not be measured has a `verdict` that says why.
 */

const holds = (row, bounds) =>
  bounds.every(([of, comparison, limit]) =>
    comparison === '<=' ? row[of] <= limit : row[of] >= limit,
  );

function verdictOf(row) {
  if (row.verdict) return row.verdict;
  if (!row.ship && !row.goal) return '';
  if (row.ship && !holds(row, row.ship)) return 'MISSES SHIP';
  if (row.goal && holds(row, row.goal)) return 'goal';
  return row.ship ? 'ship' : 'below goal';
}

const SIGNS = { '<=': '≤', '>=': '≥' };

function boundsText(bounds) {
  if (!bounds) return '–';
  return bounds
    .map(([of, comparison, limit]) => {
      const amount = of === 'ratio' ? `${limit} ×` : `${formatNumber(limit)}`;
      return `${SIGNS[comparison]} ${amount}`;
    })
    .join(', ');
}

export function formatNumber(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
}

function textTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  return [line(rows[0]), widths.map((width) => '─'.repeat(width)).join('  ')]
    .concat(rows.slice(1).map(line))
    .join('\n');
}

const percent = (share) => (share === null ? '–' : `${Math.round(share * 100)} %`);

function machineText(machine) {
  const { fdatasyncMsBefore: before, fdatasyncMsAfter: after } = machine;
  return (
    `${machine.cores} cores, Node ${machine.node}; CPU pressure ${percent(machine.cpuPressureBefore)} ` +
    `before, ${percent(machine.cpuPressureDuring)} during (our own load included); ` +
    `fdatasync of 115 kB p50/p99 ${before.p50.toFixed(2)}/${before.p99.toFixed(2)} ms before, ` +
    `${after.p50.toFixed(2)}/${after.p99.toFixed(2)} after`
  );
}

/** Prints the table and writes the JSON. */
export function report({ name, title, anchor, rows, notes = [], rounds = [], machine }) {
  const judged = rows.map((row) => ({
    ...row,
    ratio: row.ratio ?? (row.anchor === undefined ? undefined : row.value / row.anchor),
  }));
  const lines = judged.map((row) => [
    row.unit ? `${row.measure}, ${row.unit}` : row.measure,
    formatNumber(row.value),
    formatNumber(row.anchor),
    formatNumber(row.ratio),
    boundsText(row.ship),
    boundsText(row.goal),
    verdictOf(row),
  ]);
  const head = ['measure', 'millrace', 'anchor', 'ratio', 'ship', 'goal', 'verdict'];
  process.stdout.write(`\n${title}\nanchor: ${anchor}\n\n${textTable([head, ...lines])}\n\n`);
  for (const note of notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`${machineText(machine)}\n`);
  mkdirSync(CACHE, { recursive: true });
  const measures = judged.map((row) => ({ ...row, verdict: verdictOf(row) }));
  const content = { name, at: new Date().toISOString(), anchor, machine, measures, notes, rounds };
  writeFileSync(join(CACHE, `${name}.json`), `${JSON.stringify(content, null, 2)}\n`);
}

export function progress(text) {
  process.stderr.write(`${text}\n`);
}
