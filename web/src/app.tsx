import { Component, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { onLoginNeeded } from './api.ts';
import styles from './app.module.css';
import { Header, HeaderSlot } from './header.tsx';
import { PlanProvider } from './plan.tsx';
import { asApiError } from './resource.ts';
import { ROUTES } from './routes.ts';
import { SessionProvider } from './session.tsx';
import { Card } from './ui/card.tsx';
import { Page } from './ui/page.tsx';
import { EmptyState, ErrorState, Skeleton } from './ui/states.tsx';
import { ToastProvider } from './ui/toast.tsx';
import { UserMenu } from './user-menu.tsx';

/** The frame around every page: header, navigation, main part. */
export function App() {
  const [here, navigate] = useLocation();
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(
    () =>
      onLoginNeeded(() => {
        if (location.pathname === '/login') return;
        const next = `${location.pathname}${location.search}${location.hash}`;
        navigate(`/login?next=${encodeURIComponent(next)}`, { replace: true });
      }),
    [navigate],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `here` is what changed
  useEffect(() => {
    // Another page is read from its beginning, as if it had been loaded.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    if (!isFirst.current) scrollTo(0, 0);
    isFirst.current = false;
  }, [here]);
  return (
    <ToastProvider>
      <a href="#main" className={styles['skip']}>
        Skip to content
      </a>
      <HeaderSlot value={slot}>
        <SessionProvider>
          <PlanProvider>
            <Header onSlot={setSlot} userMenu={<UserMenu />} />
            <main id="main" ref={main} tabIndex={-1} className={styles['main']}>
              <DefectBoundary key={here}>
                <Suspense
                  fallback={
                    <Card>
                      <Skeleton lines={8} />
                    </Card>
                  }
                >
                  <Pages />
                </Suspense>
              </DefectBoundary>
            </main>
          </PlanProvider>
        </SessionProvider>
      </HeaderSlot>
    </ToastProvider>
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
