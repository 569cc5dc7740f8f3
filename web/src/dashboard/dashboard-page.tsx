import { usePlan } from '../plan.tsx';
import { Card } from '../ui/card.tsx';
import { Page } from '../ui/page.tsx';
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx';

export function DashboardPage({ params }: { params: { readonly [name: string]: string } }) {
  const { data: plan, error, reload } = usePlan();
  const dashboard = plan?.dashboards.find(({ name }) => name === params['name']);
  return (
    <Page title={dashboard?.title ?? 'Dashboard'}>
      <Card>
        {dashboard ? (
          <EmptyState title={`${dashboard.items.length} charts`} />
        ) : plan ? (
          <EmptyState title={`There is no dashboard '${params['name']}'`} />
        ) : error ? (
          <ErrorState title="The pipeline could not be read" error={error} onRetry={reload} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Card>
    </Page>
  );
}
