import type { ComponentType } from 'react';
import { lazy } from 'react';
import { DashboardPage } from './dashboard/dashboard-page.tsx';
import { HomePage } from './home-page.tsx';

/** A page, and where it is in the navigation. `src/serve/page.ts` answers for the same paths. */
export interface PageRoute {
  readonly path: string;
  readonly title: string;
  readonly component: ComponentType<{ readonly params: { readonly [name: string]: string } }>;
}

/** A page that is loaded when it is opened. */
const page = (
  load: () => Promise<{ [name: string]: ComponentType }>,
  name: string,
): PageRoute['component'] =>
  lazy(async () => ({ default: (await load())[name] as PageRoute['component'] }));

export const ROUTES: readonly PageRoute[] = [
  { path: '/', title: 'Dashboards', component: HomePage },
  { path: '/d/:name', title: 'Dashboard', component: DashboardPage },
  {
    path: '/streams',
    title: 'Streams',
    component: page(() => import('./streams/streams-page.tsx'), 'StreamsPage'),
  },
  {
    path: '/models',
    title: 'Models',
    component: page(() => import('./models/models-page.tsx'), 'ModelsPage'),
  },
  { path: '/sql', title: 'SQL', component: page(() => import('./sql/sql-page.tsx'), 'SqlPage') },
  {
    path: '/lookups',
    title: 'Lookups',
    component: page(() => import('./lookups/lookups-page.tsx'), 'LookupsPage'),
  },
  {
    path: '/gallery',
    title: 'Gallery',
    component: page(() => import('./gallery/gallery-page.tsx'), 'GalleryPage'),
  },
  {
    path: '/login',
    title: 'Log in',
    component: page(() => import('./login/login-page.tsx'), 'LoginPage'),
  },
];
