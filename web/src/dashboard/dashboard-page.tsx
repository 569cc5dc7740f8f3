import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import { type FilterFields, filterFields } from '../../../src/dashboard/known-state.ts';
import { THEMES } from '../../../src/dashboard/theme.ts';
import type { DashboardPlan } from '../../../src/plan/plan.ts';
import { api } from '../api.ts';
import { HeaderControls } from '../header.tsx';
import { usePlan } from '../plan.tsx';
import { useResource } from '../resource.ts';
import { useTheme } from '../theme.ts';
import { Card } from '../ui/card.tsx';
import { Page } from '../ui/page.tsx';
import { EmptyState, ErrorState, Skeleton, StaleNote } from '../ui/states.tsx';
import { Chips } from './chips.tsx';
import styles from './dashboard-page.module.css';
import { Feed, type Shown } from './feed.ts';
import { FirstVisit } from './first-visit.tsx';
import { Freshness } from './freshness.tsx';
import { AllItems, seenCharts } from './items.tsx';
import { newestOf } from './newest.ts';
import { type ChangeState, useDashboardState } from './url-state.ts';
import { ViewContext } from './view.ts';
import { useWording } from './zone.ts';

/** `/d/:name`: one dashboard. */
export function DashboardPage({ params }: { params: { readonly [name: string]: string } }) {
  const name = params['name'] ?? '';
  return <NamedDashboard key={name} name={name} />;
}

function NamedDashboard({ name }: { name: string }) {
  const feed = useMemo(() => new Feed(name), [name]);
  const shown = useSyncExternalStore(feed.subscribe, feed.snapshot);
  const planned = usePlan();
  const plan = planned.data;
  const definition = useResource(`dashboard ${name} ${shown.data?.plan ?? ''}`, (signal) =>
    api<DashboardPlan>(`/v1/dashboards/${encodeURIComponent(name)}`, { signal }),
  );
  // While a changed definition loads, the one before stays on the screen.
  const [last, setLast] = useState<DashboardPlan>();
  if (definition.data && definition.data !== last) setLast(definition.data);
  const current = definition.data ?? last;
  const fields = useMemo(
    () => current && plan && filterFields(current.items, plan),
    [current, plan],
  );
  const others = plan?.dashboards.filter((one) => one.name !== name) ?? [];
  return (
    <Page
      title={current?.title ?? 'Dashboard'}
      isWide
      {...(current?.description === undefined ? {} : { lead: current.description })}
      actions={
        <div className={styles['head']}>
          <Chips items={current?.items ?? NO_ITEMS} answer={shown.answer} fields={fields} />
          {others.length > 0 && (
            <nav aria-label="Dashboards" className={styles['others']}>
              {others.map((one) => (
                <Link key={one.name} href={`/d/${one.name}`}>
                  {one.title}
                </Link>
              ))}
            </nav>
          )}
        </div>
      }
    >
      <HeaderControls>
        <Freshness
          shown={shown}
          newestMs={current && plan && shown.data && newestOf(current, plan, shown.data)}
        />
      </HeaderControls>
      {/* What the plan adds above the charts comes with them, and does not push them down. */}
      {current && (plan || planned.error) ? (
        <Shell feed={feed} shown={shown} dashboard={current} fields={fields} />
      ) : (
        <Card>
          {definition.error ? (
            definition.error.status === 404 ? (
              <EmptyState title={`There is no dashboard '${name}'`}>
                {definition.error.message}
              </EmptyState>
            ) : (
              <ErrorState
                title="The dashboard could not be read"
                error={definition.error}
                onRetry={definition.reload}
              />
            )
          ) : (
            <Skeleton lines={8} />
          )}
        </Card>
      )}
    </Page>
  );
}

const NO_ITEMS: DashboardPlan['items'] = [];

interface ShellProps {
  readonly feed: Feed;
  readonly shown: Shown;
  readonly dashboard: DashboardPlan;
  readonly fields: FilterFields | undefined;
}

function Shell({ feed, shown, dashboard, fields }: ShellProps) {
  const { state, active, change } = useDashboardState(fields);
  const theme = THEMES[useTheme()];
  const wording = useWording();
  const { items } = dashboard;
  const { answer, error, data, standing } = shown;
  const charts = useMemo(() => seenCharts(items, state.tabs), [items, state.tabs]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `active` belongs to the change of `state`
  useEffect(() => feed.want({ state, charts, active }), [feed, state, charts]);
  // Asked for before the page is drawn with what was chosen: the answer takes longer than that.
  const choose = useCallback<ChangeState>(
    (next, options) => {
      feed.want({ state: next, charts: seenCharts(items, next.tabs), active: options?.active });
      change(next, options);
    },
    [feed, items, change],
  );
  const view = useMemo(
    () => ({ name: dashboard.name, state, change: choose, answer, standing, theme, wording }),
    [dashboard.name, state, choose, answer, standing, theme, wording],
  );
  const clear = useCallback(
    (event: KeyboardEvent) => {
      if (
        event.key === 'Escape' &&
        event.target === document.body &&
        Object.keys(state.filters).length > 0
      )
        change({ ...state, filters: {} });
    },
    [state, change],
  );
  useEffect(() => {
    document.addEventListener('keydown', clear);
    return () => document.removeEventListener('keydown', clear);
  }, [clear]);
  if (!answer && error)
    return <ErrorState title="The numbers could not be computed" error={error} />;
  return (
    <ViewContext value={view}>
      {data?.problem && (
        <div role="alert" className={styles['problem']}>
          <p>The changed pipeline file is not loaded; the one before goes on running. Why:</p>
          <code>{data.problem}</code>
        </div>
      )}
      {error && (
        <StaleNote
          error={error}
          what={
            standing === 'current'
              ? 'The numbers are not brought up to date.'
              : 'The numbers are of the choice before.'
          }
        />
      )}
      <FirstVisit dashboard={dashboard} />
      <AllItems items={items} />
    </ViewContext>
  );
}
