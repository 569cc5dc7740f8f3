/** Invoice lines like those of a real shop, about 224 bytes each; equal for equal seeds. */

const COUNTRIES = ['United Kingdom', 'Germany', 'France', 'Netherlands', 'EIRE', 'Australia'];
const THINGS = ['HEART T-LIGHT HOLDER', 'CAKESTAND 3 TIER', 'ALARM CLOCK BAKELIKE', 'JUMBO BAG'];
const LOOKS = [
  'WHITE HANGING',
  'REGENCY',
  'RED RETROSPOT',
  'VINTAGE',
  'ASSORTED COLOUR',
  'GLASS STAR',
];
const SIZES = ['PACK OF 12', 'SET OF 6', 'LARGE', 'BOX OF 24'];
const START_MS = Date.UTC(2011, 0, 1);

/** A small generator of numbers from 0 to below 1 (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Yields lines without their newline. */
export function* records(count, seed = 1) {
  const next = random(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  for (let index = 0; index < count; index++) {
    const invoice = 536_365 + Math.floor(index / 20);
    const customer = next() < 0.75 ? `,"customer_id":"${12_000 + Math.floor(next() * 5900)}"` : '';
    const date = new Date(START_MS + index * 29_000).toISOString().slice(0, 19);
    yield `{"invoice_no":"${next() < 0.02 ? 'C' : ''}${invoice}",` +
      `"stock_code":"${10_000 + Math.floor(next() * 4000)}${pick(['', 'A', 'B'])}",` +
      `"description":"${pick(LOOKS)} ${pick(THINGS)} ${pick(LOOKS)} ${pick(SIZES)}",` +
      `"quantity":${Math.floor(next() * 48) - 2},` +
      `"unit_price":${(next() * 30).toFixed(2)},"invoice_date":"${date}"` +
      `${customer},"country":"${pick(COUNTRIES)}"}`;
  }
}

/** Request bodies of `perRequest` records each. */
export function bodies(count, perRequest, seed = 1) {
  const built = [];
  let lines = [];
  for (const line of records(count, seed)) {
    lines.push(line);
    if (lines.length < perRequest) continue;
    built.push(Buffer.from(`${lines.join('\n')}\n`));
    lines = [];
  }
  return built;
}
