import type { FastifyInstance } from 'fastify';
import type { Readers } from './records.ts';
import type { Services, StatusReport } from './services.ts';

/** Probes and Prometheus metrics. */
export async function healthRoutes(
  server: FastifyInstance,
  { services, readers }: { services: Services; readers: Readers },
): Promise<void> {
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async () => {
    const reason = services.notReady();
    if (reason) throw reason;
    return { status: 'ready' };
  });
  server.get('/metrics', async (_request, reply) =>
    reply
      .header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
      .send(metricsText(await services.status(), readers)),
  );
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly samples: readonly {
    readonly labels: { readonly [name: string]: string };
    readonly value: number;
  }[];
}

type StreamStatus = StatusReport['streams'][number];

const STREAM_METRICS: readonly [
  name: string,
  help: string,
  value: (stream: StreamStatus) => number,
][] = [
  ['millrace_stream_records', 'Records in the log.', (stream) => stream.records],
  ['millrace_stream_bytes', 'Bytes of the log on disk.', (stream) => stream.bytes],
  [
    'millrace_stream_undelivered_records',
    'Records that wait for their delivery.',
    (stream) => stream.undelivered ?? 0,
  ],
  [
    'millrace_stream_delivery_failing',
    '1 while the delivery fails.',
    (stream) => (stream.deliveryError === null ? 0 : 1),
  ],
  [
    'millrace_stream_held_bytes',
    'Bytes past their retention that a consumer still needs.',
    (stream) => stream.held?.bytes ?? 0,
  ],
  ['millrace_stream_dead_letters', 'Dead letters kept.', (stream) => stream.deadLetters],
];

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, help, type: 'gauge', samples };
}

/** Prometheus text exposition format 0.0.4. */
function metricsText(status: StatusReport, readers: Readers): string {
  const streams = STREAM_METRICS.map(([name, help, value]) =>
    gauge(
      name,
      help,
      status.streams.map((stream) => ({ labels: { stream: stream.name }, value: value(stream) })),
    ),
  );
  const lags = status.streams.flatMap((stream) =>
    Object.entries(stream.consumers).map(([consumer, lag]) => ({
      labels: { stream: stream.name, consumer },
      value: lag,
    })),
  );
  const failed = status.models.map((model) => ({
    labels: { model: model.name },
    value: model.state === 'failed' ? 1 : 0,
  }));
  const entries = status.lookups.map((lookup) => ({
    labels: { lookup: lookup.name },
    value: lookup.entries,
  }));
  const restarts: Metric = {
    name: 'millrace_child_restarts_total',
    help: 'How often a child process was started again.',
    type: 'counter',
    samples: status.processes.map((child) => ({
      labels: { child: child.name },
      value: child.restarts,
    })),
  };
  const memory = [{ labels: {}, value: process.memoryUsage.rss() }];
  const metrics = [
    ...streams,
    gauge('millrace_consumer_lag_records', 'Records a consumer has not used yet.', lags),
    gauge('millrace_model_failed', '1 while the last run of the model failed.', failed),
    gauge('millrace_lookup_entries', 'Entries of the lookup.', entries),
    gauge('millrace_readers', 'Open reads of streams.', [{ labels: {}, value: readers.count }]),
    gauge('millrace_reader_buffered_bytes', 'Bytes that readers have not taken yet.', [
      { labels: {}, value: readers.bufferedBytes },
    ]),
    restarts,
    gauge('process_resident_memory_bytes', 'Resident memory of the main process.', memory),
  ];
  return metrics.map(metricText).join('');
}

function metricText({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(
      ([label, text]) => `${label}="${text.replace(/["\\\n]/g, '_')}"`,
    );
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
