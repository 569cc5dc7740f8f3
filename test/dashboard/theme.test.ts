import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { THEMES } from '../../src/dashboard/theme.ts';

const TOKENS = readFileSync(new URL('../../web/src/tokens.css', import.meta.url), 'utf8');

function token(name: string): { light: string; dark: string } {
  const [, light, dark] =
    new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(TOKENS) ?? [];
  if (light === undefined || dark === undefined) throw new Error(`there is no --${name}`);
  return { light, dark };
}

test.each(['light', 'dark'] as const)('drawings have the colours of the page: %s', (name) => {
  const { series, ...others } = THEMES[name];
  for (const [part, color] of Object.entries(others)) {
    const kebab = part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    expect(color, part).toBe(token(kebab)[name]);
  }
  expect(series).toEqual(series.map((_, index) => token(`series-${index + 1}`)[name]));
});
