import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

/** A record has the defaults of the time it was stored, whichever way it is looked at. */

const pipeline = (fields: string, lookups: string[]) => `
import { field as f, lookup, stream } from 'millrace';
const fields = { id: f.int(), at: f.struct({ t: f.timestamptz().from('epoch-seconds') }).optional()${fields} };
export const sent = stream('sent', { fields });
export const waiting = stream('waiting', { fields });
${lookups.map((name) => `export const ${name} = lookup('${name}', { from: ${name.startsWith('s') ? 'sent' : 'waiting'}, key: 'id' });`).join('\n')}`;

/** The value of `extra` of each id, from every door. */
async function doors(app: App, stream: string, lookups: string[], ids: number[]) {
  const answers: Record<string, unknown> = {};
  for (const relation of [
    `lake.${stream}`,
    `records.${stream}`,
    ...lookups.map((name) => `lookups.${name}`),
  ])
    answers[relation] = (await askSql(app, `select extra from ${relation} order by id`)).flat();
  for (const name of lookups)
    answers[name] = await Promise.all(
      ids.map((id) =>
        eventually(async () => {
          const answer = await fetch(`${app.address}/v1/lookups/${name}/${id}`);
          if (answer.status !== 200) return undefined;
          const item = (await answer.json()) as { extra: unknown; at: { t: string } };
          expect(item.at.t).toContain('1970-01-01');
          return { extra: item.extra };
        }),
      ),
    ).then((found) => found.map(({ extra }) => extra));
  return answers;
}

test('records stored before a field was there have null; those after it the default of their time', async () => {
  const folder = temporaryFolder();
  const app = await startApp(folder, pipeline('', ['s1', 'w1']));
  const reload = async (fields: string) => {
    writeFileSync(join(folder, 'pipeline.ts'), pipeline(fields, ['s1', 'w1', 's2', 'w2']));
    await app.reload();
  };
  const send = async (id: number) => {
    for (const stream of ['sent', 'waiting']) await sendTo(app, stream, [{ id, at: { t: 1 } }]);
    await app.current?.stream('sent').delivery?.deliverNow();
  };
  const expectEverywhere = async (values: (number | null)[]) => {
    const ids = values.map((_, index) => index + 1);
    for (const [stream, letter] of [
      ['sent', 's'],
      ['waiting', 'w'],
    ] as const) {
      const answers = await doors(app, stream, [`${letter}1`, `${letter}2`], ids);
      for (const [door, found] of Object.entries(answers)) expect(found, door).toEqual(values);
    }
  };
  const replay = async () => {
    for (const [stream, lookup] of [
      ['sent', 's1'],
      ['waiting', 'w1'],
    ])
      await fetch(`${app.address}/v1/lookups/${lookup}/replay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ stream }),
      }).then((answer) => expect(answer.status).toBe(200));
  };
  await send(1);
  await reload(', extra: f.int().default(7)');
  await expectEverywhere([null]);
  await send(2);
  await expectEverywhere([null, 7]);
  await replay();
  await expectEverywhere([null, 7]);
  await reload(', extra: f.int().default(8)');
  await send(3);
  await expectEverywhere([null, 7, 8]);
  await replay();
  await app.current?.stream('waiting').delivery?.deliverNow();
  await expectEverywhere([null, 7, 8]);
}, 60_000);
