import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NotHad } from '../peers/install.mjs';
import { python } from '../peers/python.mjs';
import { load } from '../support/client.mjs';
import { bodies } from '../support/records.mjs';
import { progress } from '../support/report.mjs';

/** PutRecords as Python programs call it. It takes its time itself, so a part of the records is enough. */

const PROGRAM = fileURLToPath(new URL('./put_records.py', import.meta.url));
const SHARE_MAX = 0.2;
/** A program that waits for each answer, as most do. Four threads get somewhat more, of any server. */
const IN_FLIGHT = 1;

export const byBoto3 = (name) => `${name}, by boto3`;

/** The version, and what makes a case of a target; or the reason why there is none. */
export async function boto3(folder) {
  try {
    const { interpreter, versionOf } = await python();
    const version = await versionOf('boto3');
    return { version, caseOf: (target) => caseOf(target, { interpreter, folder }) };
  } catch (error) {
    if (!(error instanceof NotHad)) throw error;
    progress(`boto3 is not had: ${error.message}`);
    return { reason: error.message };
  }
}

function caseOf({ name, server, stream, key, share }, { interpreter, folder }) {
  return {
    name: byBoto3(name),
    share: Math.min(share, SHARE_MAX),
    load: ({ distinct, total, perRequest, seed }) => {
      const records = join(folder, 'boto3.ndjson');
      writeFileSync(records, Buffer.concat(bodies(distinct, perRequest, seed)));
      const sizes = { total, perRequest, inFlight: IN_FLIGHT };
      const asked = { url: server.url, stream, key, records, ...sizes };
      return load(server, { total, program: [interpreter, PROGRAM, JSON.stringify(asked)] });
    },
  };
}
