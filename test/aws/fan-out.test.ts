import { test } from 'vitest';
import { runJava } from './java.ts';
import type { Acknowledged, Form, ReadRecord } from './payloads.ts';
import { createStream, DEFINED, expectRead, startSubject } from './subjects.ts';

const SUBJECTS: readonly { title: string; stream: string; form: Form }[] = [
  { title: 'a defined stream', stream: DEFINED, form: 'json' },
  { title: 'a stream made by CreateStream', stream: 'made', form: 'bytes' },
];

for (const { title, stream, form } of SUBJECTS)
  test(`Java subscribes to every shard of ${title}: what was there and what comes is pushed, each once and in order`, async () => {
    const { url: endpoint } = await startSubject();
    if (stream !== DEFINED) await createStream(endpoint, stream, 3);
    const put = { endpoint, stream, form, client: 'async', call: 'PutRecords', keys: 20 };
    const before = await runJava<Acknowledged>('Producer', { ...put, records: 600 });
    const reading = runJava<ReadRecord>('FanOutReader', {
      ...{ endpoint, stream, consumer: 'reader', records: 1000 },
    });
    const after = await runJava<Acknowledged>('Producer', { ...put, from: 600, records: 400 });
    const acknowledged = [...before, ...after];
    expectRead(await reading, acknowledged, { form, records: 1000, keys: 20 });
  });
