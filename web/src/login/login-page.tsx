import { Card } from '../ui/card.tsx';
import { Page } from '../ui/page.tsx';
import { EmptyState } from '../ui/states.tsx';

export function LoginPage() {
  return (
    <Page title="Log in">
      <Card>
        <EmptyState title="This server asks who you are">
          Log in with the name and password that an administrator gave you.
        </EmptyState>
      </Card>
    </Page>
  );
}
