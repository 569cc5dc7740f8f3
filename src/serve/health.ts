import type { FastifyInstance } from 'fastify';
import type { Services, StatusReport } from './services.ts';

/** Probes and Prometheus metrics. */
export async function healthRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
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
      .send(metricsText(await services.status())),
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

/** Prometheus text exposition format 0.0.4. */
function metricsText(status: StatusReport): string {
  const perStream = (
    name: string,
    help: string,
    type: Metric['type'],
    value: (stream: StatusReport['streams'][number]) => number,
  ): Metric => ({
    name,
    help,
    type,
    samples: status.streams.map((stream) => ({
      labels: { stream: stream.name },
      value: value(stream),
    })),
  });
  const metrics: Metric[] = [
    perStream(
      'millrace_stream_records',
      'Records in the log.',
      'gauge',
      (stream) => stream.records,
    ),
    perStream(
      'millrace_stream_bytes',
      'Bytes of the log on disk.',
      'gauge',
      (stream) => stream.bytes,
    ),
    perStream(
      'millrace_stream_undelivered_records',
      'Records that wait for their delivery.',
      'gauge',
      (stream) => stream.undelivered ?? 0,
    ),
    perStream(
      'millrace_stream_delivery_failing',
      '1 while the delivery fails.',
      'gauge',
      (stream) => (stream.deliveryError === null ? 0 : 1),
    ),
    perStream(
      'millrace_stream_dead_letters',
      'Dead letters kept.',
      'gauge',
      (stream) => stream.deadLetters,
    ),
    {
      name: 'millrace_consumer_lag_records',
      help: 'Records a consumer has not used yet.',
      type: 'gauge',
      samples: status.streams.flatMap((stream) =>
        Object.entries(stream.consumers).map(([consumer, lag]) => ({
          labels: { stream: stream.name, consumer },
          value: lag,
        })),
      ),
    },
    {
      name: 'millrace_model_failed',
      help: '1 while the last run of the model failed.',
      type: 'gauge',
      samples: status.models.map((model) => ({
        labels: { model: model.name },
        value: model.state === 'failed' ? 1 : 0,
      })),
    },
    {
      name: 'millrace_lookup_entries',
      help: 'Entries of the lookup.',
      type: 'gauge',
      samples: status.lookups.map((lookup) => ({
        labels: { lookup: lookup.name },
        value: lookup.entries,
      })),
    },
    {
      name: 'millrace_child_restarts_total',
      help: 'How often a child process was started again.',
      type: 'counter',
      samples: status.processes.map((child) => ({
        labels: { child: child.name },
        value: child.restarts,
      })),
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the main process.',
      type: 'gauge',
      samples: [{ labels: {}, value: process.memoryUsage.rss() }],
    },
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
