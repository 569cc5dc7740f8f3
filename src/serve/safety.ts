import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { checkOwner } from './access.ts';
import { members } from './admin.ts';
import { LongWork } from './long-work.ts';
import type { Services } from './services.ts';

/** Backups, and whether what is stored agrees. */
export async function safetyRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const admin = { config: { roles: ['admin'] as const } };
  const work = new LongWork();
  server.addHook('preClose', async () => work.end());
  server.post('/v1/backup', admin, async (request, reply) => {
    const asked = parseBackup(request.body);
    checkOwner(request, services);
    return work.answer(request, reply, (tell, signal) =>
      services.backUp(asked, (progress) => tell({ event: 'progress', ...progress }), signal),
    );
  });
  server.post('/v1/verify', admin, async (request, reply) => {
    const name = parseName(request.body);
    return work.answer(request, reply, (tell, signal) => services.verify(name, tell, signal));
  });
}

function parseName(body: unknown): string | undefined {
  const { name } = members(body ?? {}, ['name']);
  if (name === undefined || typeof name === 'string') return name;
  throw new MillraceError('MR_REQUEST_INVALID', "'name' must be a name of the pipeline, as text.");
}

function parseBackup(body: unknown): { to: string; keep?: number } {
  const { to, keep } = members(body ?? {}, ['to', 'keep']);
  if (typeof to !== 'string' || to === '')
    throw new MillraceError('MR_REQUEST_INVALID', "'to' must be a folder of the server, as text.");
  if (keep === undefined) return { to };
  if (Number.isSafeInteger(keep) && (keep as number) > 0) return { to, keep: keep as number };
  throw new MillraceError('MR_REQUEST_INVALID', "'keep' must be a number of backups, 1 or more.");
}
