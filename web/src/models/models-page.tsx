import { usePlan } from '../plan.tsx';
import { Card } from '../ui/card.tsx';
import { Page } from '../ui/page.tsx';
import { EmptyState, Skeleton } from '../ui/states.tsx';

export function ModelsPage() {
  const { data: plan } = usePlan();
  return (
    <Page title="Models">
      <Card>{plan ? <EmptyState title="This page comes next" /> : <Skeleton lines={8} />}</Card>
    </Page>
  );
}
