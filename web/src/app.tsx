import {
  Component,
  type MouseEvent,
  type ReactNode,
  Suspense,
  useEffect,
  useRef,
  useState,
} from 'react';
import { Route, Switch, useLocation } from 'wouter';
import styles from './app.module.css';
import { Header, HeaderSlot } from './header.tsx';
import { LoginPage } from './login/login-page.tsx';
import { UserMenu } from './login/user-menu.tsx';
import { PlanProvider } from './plan.tsx';
import { asApiError } from './resource.ts';
import { ROUTES } from './routes.ts';
import { mustLogIn, SessionProvider, useSession } from './session.tsx';
import { Card } from './ui/card.tsx';
import { Page } from './ui/page.tsx';
import { EmptyState, ErrorState, Skeleton } from './ui/states.tsx';
import { ToastProvider } from './ui/toast.tsx';

/** The frame around every page: header, navigation, main part. */
export function App() {
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  return (
    <ToastProvider>
      <SessionProvider>
        <PlanProvider>
          <SkipLink />
          <Navigation onSlot={setSlot} />
          <HeaderSlot value={slot}>
            <Main />
          </HeaderSlot>
        </PlanProvider>
      </SessionProvider>
    </ToastProvider>
  );
}

function Navigation({ onSlot }: { onSlot: (element: HTMLElement | null) => void }) {
  const { session } = useSession();
  const hasNavigation = session === undefined || !mustLogIn(session);
  return <Header onSlot={onSlot} hasNavigation={hasNavigation} userMenu={<UserMenu />} />;
}

/** The address stays as it is: what is behind its # is for pages to use. */
function SkipLink() {
  const skip = (event: MouseEvent) => {
    event.preventDefault();
    document.getElementById('main')?.focus();
  };
  return (
    // biome-ignore lint/a11y/useValidAnchor: it leads to a place of the page, as links do
    <a href="#main" className={styles['skip']} onClick={skip}>
      Skip to content
    </a>
  );
}

function Main() {
  const [here] = useLocation();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `here` is what changed
  useEffect(() => {
    // Another page is read from its beginning, as if it had been loaded.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    if (!isFirst.current) scrollTo(0, 0);
    isFirst.current = false;
  }, [here]);
  return (
    <main id="main" ref={main} tabIndex={-1} className={styles['main']}>
      <DefectBoundary key={here}>
        <Suspense fallback={<Waiting />}>
          <Content />
        </Suspense>
      </DefectBoundary>
    </main>
  );
}

function Waiting() {
  return (
    <Card>
      <Skeleton lines={8} />
    </Card>
  );
}

/** Pages are for who may see them; where nobody needs to log in that is everybody. */
function Content() {
  const { session, error, reload } = useSession();
  if (session) return mustLogIn(session) ? <LoginPage /> : <Pages />;
  if (!error) return <Waiting />;
  return (
    <Card>
      <ErrorState title="The pipeline does not answer" error={error} onRetry={reload} />
    </Card>
  );
}

function Pages() {
  return (
    <Switch>
      {ROUTES.map(({ path, component }) => (
        <Route key={path} path={path} component={component} />
      ))}
      <Route>
        <Page title="Nothing is here">
          <Card>
            <EmptyState title={`There is no page at ${location.pathname}`}>
              Pages are in the navigation above; routes for programs are listed in{' '}
              <a href="/openapi.json">/openapi.json</a>.
            </EmptyState>
          </Card>
        </Page>
      </Route>
    </Switch>
  );
}

/** A defect of one page is told where the page would be, and the others go on. */
class DefectBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error: error ?? 'unknown' };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Card>
        <ErrorState
          title="This page has failed"
          error={asApiError(this.state.error)}
          onRetry={() => location.reload()}
        />
      </Card>
    );
  }
}
