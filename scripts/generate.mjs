// Writes docs/reference/errors.md from the table of error codes; --check only says whether it is current.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ERROR_CODES } from '../dist/core/error-codes.js';

const FILE = 'docs/reference/errors.md';
const rows = Object.entries(ERROR_CODES).map(
  ([code, { status, meaning, fix }]) =>
    `| \`${code}\` | ${status} | ${meaning} | ${fix.replaceAll('|', '\\|')} |`,
);
const text = `# Error codes

Written by \`npm run generate\` from \`src/core/error-codes.ts\`. Every error has a code, says what and where, and what to do.
Over HTTP it is \`{"error": {"code", "message", …}}\` with the status below.

| code | status | meaning | what to do |
|---|---|---|---|
${rows.join('\n')}
`;

if (process.argv.includes('--check')) {
  let current = '';
  try {
    current = readFileSync(FILE, 'utf8');
  } catch {
    // A missing file is not current.
  }
  if (current !== text) {
    console.error(`${FILE} is not current: run \`npm run generate\`.`);
    process.exit(1);
  }
} else {
  mkdirSync('docs/reference', { recursive: true });
  writeFileSync(FILE, text);
}
