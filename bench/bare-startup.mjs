import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import Fastify from 'fastify';
import { open } from 'lmdb';

/** The anchor of `startup`: the three libraries millrace stands on, opened in one process. */
const folder = process.argv[2];
const lookups = open({ path: join(folder, 'bare.mdb') });
await lookups.put('key', 'value');
const database = await DuckDBInstance.create(':memory:');
const connection = await database.connect();
await connection.run('SELECT 1');
const server = Fastify();
server.get('/', async () => ({ value: lookups.get('key') }));
const http = await server.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ event: 'ready', http })}\n`);
process.once('SIGTERM', () => process.exit(0));
