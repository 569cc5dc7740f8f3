import type { Page } from 'playwright-core';

/** The SQL page as a person uses it. */

export const editor = (page: Page) => page.getByRole('textbox', { name: 'SQL' });

export const grid = (page: Page) => page.getByRole('grid', { name: 'Result' });

export async function write(page: Page, sql: string): Promise<void> {
  const wanted = sql.replaceAll('\n', '');
  // The question of a first visit may come while the text is chosen.
  for (let tries = 0; tries < 3; tries++) {
    await editor(page).click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.insertText(sql);
    if ((await editor(page).textContent()) === wanted) return;
  }
}

export async function run(page: Page, sql: string): Promise<void> {
  await write(page, sql);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
}
