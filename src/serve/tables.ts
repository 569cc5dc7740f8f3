import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { idOf } from '../lake/iceberg/json.ts';
import type { SnapshotPlace } from '../lake/table-store.ts';
import { members } from './admin.ts';
import type { Services } from './services.ts';

/** Looking after tables of the lake: what `millrace compact`, `expire` and `rollback` ask for. */
export async function lakeTableRoutes(
  server: FastifyInstance,
  { services: { lakeTables } }: { services: Pick<Services, 'lakeTables'> },
): Promise<void> {
  const admin = { config: { roles: ['admin'] as const } };
  const reader = { config: { roles: ['reader'] as const } };
  server.get('/v1/tables', reader, async () => ({ tables: await lakeTables.names() }));
  server.post('/v1/tables/:namespace/:table/compact', admin, async (request) => {
    const { jobs } = members(request.body ?? {}, ['jobs']);
    return lakeTables.compact(nameOf(request), whole(jobs, 'jobs') ?? 1);
  });
  server.post('/v1/tables/:namespace/:table/expire', admin, async (request) => {
    const { keep, olderThanMs } = members(request.body ?? {}, ['keep', 'olderThanMs']);
    return lakeTables.expire(nameOf(request), {
      snapshotsMin: whole(keep, 'keep'),
      ageMs: whole(olderThanMs, 'olderThanMs'),
    });
  });
  server.post('/v1/tables/:namespace/:table/rollback', admin, async (request) => {
    const { to, redeliver = false } = members(request.body, ['to', 'redeliver']);
    if (typeof redeliver !== 'boolean')
      throw new MillraceError('MR_REQUEST_INVALID', "'redeliver' must be true or false.");
    return lakeTables.rollback(nameOf(request), placeOf(to), redeliver);
  });
}

function nameOf(request: FastifyRequest): { namespace: string; name: string } {
  const { namespace, table } = request.params as { namespace: string; table: string };
  return { namespace, name: table };
}

function whole(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new MillraceError('MR_REQUEST_INVALID', `'${name}' must be a whole number.`);
}

/** The id of a snapshot, or a time of RFC 3339. */
function placeOf(to: unknown): SnapshotPlace {
  const text = String(to ?? '');
  if (/^\d+$/.test(text)) return { id: idOf(text) };
  const timeMs = Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(timeMs)) return { timeMs };
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `'to' must be the id of a snapshot or a time such as 2026-11-22T08:00:00Z, not '${text}'. sys.snapshots lists the snapshots.`,
  );
}
