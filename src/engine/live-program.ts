import { endWithoutThreads, serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { systemClock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import type { DashboardRequest } from '../live/live-plan.ts';
import { connect, lockDown, openDatabase } from './database.ts';
import { LiveDashboards } from './live-dashboards.ts';
import { LIVE_LIMITS } from './live-limits.ts';
import type { HostMethods, LiveSetup } from './protocol.ts';
import { ScratchSpace } from './scratch-space.ts';

/**
 * The `live` child: the aggregates that dashboards show, kept current with the streams. It runs only the
 * pipeline's own SQL. Arguments: scratch folder, spare one for when its disk is full, lake folder.
 */
const [own, spare, lake] = process.argv.slice(2) as [string, string, string];
const scratch = new ScratchSpace(own, spare);
scratch.open();
endWithoutThreads(() => scratch.close());
const instance = await openDatabase({ memory: LIMITS.liveMemory, scratch: own });
const loader = await connect(instance);
// What is kept is read far more often than written: packed columns made a scan of a large cube ten times as long.
await loader.run("SET GLOBAL force_compression = 'uncompressed'");
const dashboards = await LiveDashboards.open({
  instance,
  loader,
  files: nodeFileSystem(),
  scratch,
  clock: systemClock,
  limits: LIVE_LIMITS,
  sync: (request) => parent.call('sync', request),
  // What is wrong with it is answered to whoever asks for the dashboard.
  onWarmFailure: (dashboard, error) => {
    // A pipeline that ends has no use for them any more.
    if (error.code !== 'MR_STOPPING')
      process.stderr.write(`dashboard ${dashboard}: ${error.message}\n`);
  },
});
await lockDown(
  loader,
  [...scratch.folders, lake].map((folder) => `${folder}/`),
);

const parent = serveParent<HostMethods>({
  configure: async (setup: LiveSetup) => {
    await dashboards.configure(setup);
    return null;
  },
  dashboard: (request: DashboardRequest, { signal }: CallContext) =>
    dashboards.answer(request, signal),
});
