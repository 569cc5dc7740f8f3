// A program of its own that appends to a table through the catalog; Node 20 runs no TypeScript, so jiti loads it.
import { createJiti } from 'jiti';

const { commitMany } = await createJiti(import.meta.url).import('./iceberg-committer.ts');
const [url, table, folder, name, count, isHonest] = process.argv.slice(2);
await commitMany({
  url,
  table,
  folder,
  name,
  count: Number(count),
  isHonest: isHonest !== 'false',
});
