import { expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string() } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const ids = model('ids', { schedule: 'manual', sql: sql\`select id from \${sales}\` });
`;
const PASSWORD = 'correct horse battery';

const start = () => startPipeline(temporaryFolder(), PIPELINE, { mode: 'start' });
const tokenOf = (pipeline: RunningPipeline) =>
  (pipeline.events[0]?.['keys'] as { claim?: string } | undefined)?.claim ?? '';

async function claimed(): Promise<RunningPipeline> {
  const pipeline = await start();
  const body = { token: tokenOf(pipeline), name: 'boss', password: PASSWORD };
  const answer = await pipeline.post('/v1/claim', JSON.stringify(body));
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const reader = JSON.stringify({ name: 'ann', roles: ['reader'], password: PASSWORD });
  const added = await pipeline.post('/v1/users', reader, { cookie, origin: pipeline.url });
  expect(added.status).toBe(201);
  return pipeline;
}

async function logIn(page: Awaited<ReturnType<typeof visit>>, name: string, password = PASSWORD) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

test('the first visit claims the server with the printed token, and is logged in', async () => {
  const pipeline = await start();
  const page = await visit(pipeline.url, { path: '/streams', expected: /status of 4\d\d/ });
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
  await page.getByRole('button', { name: 'Claim it' }).click();
  await page.getByLabel('Claim token').fill('x'.repeat(32));
  await page.getByLabel('Name').fill('boss');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await page.getByRole('alert').getByText(/token/).waitFor();
  await page.getByLabel('Claim token').fill(tokenOf(pipeline));
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await page.getByRole('region', { name: /^sales/ }).waitFor();
  expect(await page.getByText('boss').count()).toBe(1);
});

test('a wrong password says so; the right one shows the page that was asked for; logging out hides it', async () => {
  const { url } = await claimed();
  const page = await visit(url, {
    path: '/lookups?lookup=by_id&key=a',
    expected: /status of 40[14]/,
  });
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
  expect(await page.getByText('Claim it').count(), 'it is claimed').toBe(0);
  await logIn(page, 'ann', 'wrong');
  await page.getByRole('alert').getByText(/\w/).waitFor();
  await logIn(page, 'ann');
  await page.getByText('No row has this key').waitFor();
  expect(await page.getByRole('region', { name: 'curl' }).textContent()).toContain(
    'authorization: Bearer mr_',
  );
  await page.reload();
  await page.getByText('No row has this key').waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
  await page.goto(`${url}/sql`);
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
});

test('a session that ended elsewhere leads to the login, and back to the page', async () => {
  const { url } = await claimed();
  const page = await visit(url, { path: '/streams', expected: /status of 401/ });
  await logIn(page, 'ann');
  await page.getByRole('region', { name: /^sales/ }).waitFor();
  await page.context().clearCookies();
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
  await logIn(page, 'ann');
  await page.getByRole('region', { name: /^sales/ }).waitFor();
});

test('a reader reads; what is for administrators is not offered', async () => {
  const { url } = await claimed();
  const page = await visit(url, { path: '/models' });
  await logIn(page, 'ann');
  const run = page.getByRole('button', { name: 'Run now ids' });
  await run.waitFor();
  expect(await run.isDisabled()).toBe(true);
  const boss = await visit(url, { path: '/models' });
  await logIn(boss, 'boss');
  await boss.getByRole('button', { name: 'Run now ids' }).click();
  await boss.getByText('succeeded').first().waitFor();
});

test('where nobody needs to log in, nothing asks for it', async () => {
  const { url } = await startPipeline(temporaryFolder(), PIPELINE);
  const page = await visit(url, { path: '/login' });
  await page.getByRole('heading', { level: 1, name: 'Dashboards' }).waitFor();
  expect(await page.getByRole('button', { name: 'Log out' }).count()).toBe(0);
});

test.each(['light', 'dark'] as const)(
  'the login is accessible and fits a phone, %s',
  async (theme) => {
    const pipeline = await start();
    const page = await visit(pipeline.url, { ...PHONE, path: '/login', theme });
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Claim it' }).click();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
  },
);
