import { salesPipeline } from './pipeline.mjs';
import { records } from './records.mjs';

/** Records that say who sent them: producer, number of the request, place in the request. */

/** Always nine digits: the number of a request is written over the one before. */
const FIRST_REQUEST = 100_000_000;
const DIGITS = String(FIRST_REQUEST).length;

/** What is delivered leaves the log, so that ten minutes fit a disk. */
export const overloadPipeline = (table) =>
  salesPipeline({
    fields: 'producer: f.int().optional(), request: f.int().optional(), place: f.int().optional(),',
    settings: "retention: { maxBytes: '4GB' },",
    table,
  });

/** A body that can be numbered anew in place, which costs less than building one. */
export function overloadBody(producer, perRequest) {
  const lines = [];
  for (const line of records(perRequest, producer + 1))
    lines.push(
      `{"producer":${producer},"request":${FIRST_REQUEST},"place":${lines.length},${line.slice(1)}\n`,
    );
  const bytes = Buffer.from(lines.join(''));
  const places = [];
  for (let at = bytes.indexOf('"request":'); at >= 0; at = bytes.indexOf('"request":', at + 1))
    places.push(at + '"request":'.length);
  return {
    bytes,
    number: (request) => {
      const digits = Buffer.from(String(FIRST_REQUEST + request));
      for (const place of places)
        for (let digit = 0; digit < DIGITS; digit++) bytes[place + digit] = digits[digit];
    },
  };
}

/**
 * What is stored, by producer: requests, those of which not each record is there once, and the last one. Numbers
 * that are as many as they should be, with the same sum and sum of squares, are the same numbers.
 */
export function storedByProducer(perRequest, part, parts) {
  const last = perRequest - 1;
  const [sum, squares] = [(last * perRequest) / 2, (last * perRequest * (2 * last + 1)) / 6];
  return `
    SELECT producer, count(*), count(*) FILTER (records <> ${perRequest} OR places <> ${sum} OR squares <> ${squares}),
      max(request) - ${FIRST_REQUEST}
    FROM (
      SELECT producer, request, count(*) AS records, sum(place) AS places, sum(place * place) AS squares
      FROM records.sales WHERE producer % ${parts} = ${part} GROUP BY ALL
    ) GROUP BY ALL`;
}
