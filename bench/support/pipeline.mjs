/**
 * The stream of examples/ecommerce alone, and a model whose run makes it deliver. `fields` come before its own,
 * `settings` behind them, each as the pipeline file has it.
 */
export function salesPipeline({
  fields = '',
  settings = '',
  table = "{ every: '1h', maxBytes: '100GB' }",
} = {}) {
  return `import { field as f, model, sql, stream } from 'millrace';

export const sales = stream('sales', {
  fields: {
    ${fields}
    invoice_no: f.string(),
    stock_code: f.string(),
    description: f.string().optional(),
    quantity: f.int(),
    unit_price: f.decimal(10, 3),
    invoice_date: f.timestamp(),
    customer_id: f.string().optional().pii().from('integer-text'),
    country: f.string(),
  },
  key: 'invoice_no',
  shards: 4,
  time: 'invoice_date',
  table: ${table},
  ${settings}
});

export const counted = model('counted', {
  sql: sql\`select count(*) as records from \${sales}\`,
  schedule: 'manual',
});
`;
}
