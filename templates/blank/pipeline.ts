import { dashboard, field as f, sql, stream } from 'millrace';

// One call gives the ingest endpoint, the durable stream and the Iceberg table lake.events.
export const events = stream('events', {
  description: 'What happened, when, to whom',
  fields: {
    happened_at: f.timestamptz(),
    kind: f.string(),
    user_id: f.string().optional(),
    amount: f.decimal(12, 2).optional(),
  },
  key: 'kind',
  time: 'happened_at',
});

// Charts that move with every record; a click on one filters the others.
export const overview = dashboard('overview', { title: 'Overview' }, ({ kpi, bar, grid }) => [
  kpi('Events', { from: events, value: sql`count(*)`, compare: '1h' }),
  kpi('Amount', { from: events, value: sql`sum(amount)` }),
  bar('Events over time', { from: events, x: 'happened_at', y: sql`count(*)` }),
  bar('By kind', { from: events, x: 'kind', y: sql`count(*)`, top: 10 }),
  grid('Latest', { from: events, columns: ['happened_at', 'kind', 'user_id', 'amount'] }),
]);
