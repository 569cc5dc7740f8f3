import type { DashboardAnswer } from '../dashboard/answer.ts';
import type { DashboardRequest } from './live-plan.ts';

/**
 * Dashboards, answered at one version.
 *
 * L1  Every number of an answer is of the same moment: each record below `version` of its stream once,
 *     none at or above it, and one version of each model's table.
 * L2  That moment is not before the request: every record acknowledged then is in the answer.
 * L3  A chart that fails does so alone, with its reason.
 * L4  A request that is aborted frees what it used.
 * @throws MillraceError MR_PLAN_UNKNOWN, MR_OVERLOADED, MR_QUERY_LIMIT (deadline), MR_QUERY_CANCELLED
 */
export interface LiveEngine {
  answer(request: DashboardRequest, signal: AbortSignal): Promise<DashboardAnswer>;
}
