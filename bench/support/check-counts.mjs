/** Before and after delivery the log and the table of `sales` must hold each record once. */
export async function checkCounts(millrace, sent) {
  const [[stored]] = await millrace.sql("SELECT records FROM sys.streams WHERE name = 'sales'");
  await millrace.call('/v1/models/counted/runs', {});
  const [[delivered, distinct]] = await millrace.sql(
    'SELECT count(*), count(DISTINCT _sequence_number) FROM records.sales',
  );
  const counts = [stored, delivered, distinct].map(Number);
  if (counts.some((count) => count !== sent))
    throw new Error(`${sent} records were sent; log, SQL and SQL distinct have ${counts}`);
  return `check: ${sent.toLocaleString('en')} records sent, as many in the log and in SQL, each once`;
}
