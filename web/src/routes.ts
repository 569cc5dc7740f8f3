import type { ComponentType } from 'react';
import { lazy } from 'react';
import { HomePage } from './home-page.tsx';
import { LoginPage } from './login/login-page.tsx';

/** A page and its address. `src/serve/page.ts` answers for the same paths. */
export interface PageRoute {
  readonly path: string;
  readonly component: ComponentType<{ readonly params: { readonly [name: string]: string } }>;
}

/** A page that is loaded when it is opened. */
const page = (
  load: () => Promise<{ readonly [name: string]: unknown }>,
  name: string,
): PageRoute['component'] =>
  lazy(async () => ({ default: (await load())[name] as PageRoute['component'] }));

const loadDashboard = () => import('./dashboard/dashboard-page.tsx');
// The page that most come for is fetched along with the shell, not after it.
if (/^\/(d\/|$)/.test(location.pathname)) void loadDashboard();

export const ROUTES: readonly PageRoute[] = [
  { path: '/', component: HomePage },
  {
    path: '/d/:name',
    component: page(loadDashboard, 'DashboardPage'),
  },
  {
    path: '/streams',
    component: page(() => import('./streams/streams-page.tsx'), 'StreamsPage'),
  },
  {
    path: '/models',
    component: page(() => import('./models/models-page.tsx'), 'ModelsPage'),
  },
  { path: '/sql', component: page(() => import('./sql/sql-page.tsx'), 'SqlPage') },
  {
    path: '/lookups',
    component: page(() => import('./lookups/lookups-page.tsx'), 'LookupsPage'),
  },
  { path: '/login', component: LoginPage },
  {
    path: '/gallery',
    component: page(() => import('./gallery/gallery-page.tsx'), 'GalleryPage'),
  },
];
