import { Redirect } from 'wouter';
import { usePlan } from './plan.tsx';
import { Card } from './ui/card.tsx';
import { Page } from './ui/page.tsx';
import { EmptyState, ErrorState, Skeleton } from './ui/states.tsx';

/** The first dashboard; without one, how to get one. */
export function HomePage() {
  const { data: plan, error, reload } = usePlan();
  const first = plan?.dashboards[0];
  if (first) return <Redirect to={`/d/${first.name}`} replace />;
  return (
    <Page title="Dashboards">
      <Card>
        {plan ? (
          <EmptyState title="This pipeline has no dashboard">
            Export one from the pipeline file: <code>dashboard('name', …)</code>. It is shown here
            as soon as the file is saved.
          </EmptyState>
        ) : error ? (
          <ErrorState title="The pipeline could not be read" error={error} onRetry={reload} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Card>
    </Page>
  );
}
