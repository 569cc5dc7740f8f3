import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The tokens as they are written, measured: what the comment above them promises. */
const CSS = readFileSync(new URL('../../web/src/tokens.css', import.meta.url), 'utf8');
type Rgb = readonly [red: number, green: number, blue: number];
const TOKENS = new Map(
  [...CSS.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name = '', light = '', dark = '']) => [name, { light: linear(light), dark: linear(dark) }],
  ),
);
const THEMES = ['light', 'dark'] as const;
const SERIES = Array.from({ length: 8 }, (_, index) => `series-${index + 1}`);
const TEXTS = [
  'text',
  'text-muted',
  'text-accent',
  'good',
  'warn',
  'bad',
  'code-keyword',
  'code-string',
  'code-number',
  'code-comment',
];
const SURFACES = ['bg', 'surface', 'surface-raised', 'surface-hover', 'surface-selected'];

function token(name: string, theme: (typeof THEMES)[number]): Rgb {
  const found = TOKENS.get(name);
  if (!found) throw new Error(`there is no token --${name} with two colours`);
  return found[theme];
}

function linear(hex: string): Rgb {
  const part = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

/** WCAG 2.2 */
function contrast(one: Rgb, other: Rgb): number {
  const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

test.each(THEMES)('text has a contrast of 4.5 on every surface, %s', (theme) => {
  for (const text of TEXTS)
    for (const surface of SURFACES)
      expect(
        contrast(token(text, theme), token(surface, theme)),
        `${text} on ${surface}`,
      ).toBeGreaterThanOrEqual(4.5);
  for (const tone of ['good', 'warn', 'bad'])
    expect(
      contrast(token(tone, theme), token(`${tone}-surface`, theme)),
      tone,
    ).toBeGreaterThanOrEqual(4.5);
  expect(contrast(token('text-on-accent', theme), token('accent', theme))).toBeGreaterThanOrEqual(
    4.5,
  );
});

test.each(THEMES)('series, controls and focus have a contrast of 3, %s', (theme) => {
  for (const name of [...SERIES, 'control-border', 'focus'])
    expect(contrast(token(name, theme), token('surface', theme)), name).toBeGreaterThanOrEqual(3);
});

/** Machado, Oliveira, Fernandes 2009, severity 1. */
const SIGHTS: { readonly [name: string]: readonly Rgb[] } = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'no blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seen(colour: Rgb, sight: readonly Rgb[]): Rgb {
  const [r, g, b] = sight.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, weight, at) => sum + weight * (colour[at] ?? 0), 0),
      ),
    ),
  ) as [number, number, number];
  return [r, g, b];
}

/** Distance in OKLab; from about 0.02 on two colours differ to the eye. */
function distance(one: Rgb, other: Rgb): number {
  const lab = ([r, g, b]: Rgb) => {
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [
      0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
      1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
      0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
    ];
  };
  const [first, second] = [lab(one), lab(other)];
  return Math.hypot(...first.map((value, at) => value - (second[at] ?? 0)));
}

test.each(THEMES)('the eight series stay apart for every sight, %s', (theme) => {
  for (const [name, sight] of Object.entries(SIGHTS))
    for (const [at, one] of SERIES.entries())
      for (const other of SERIES.slice(0, at))
        expect(
          distance(seen(token(one, theme), sight), seen(token(other, theme), sight)),
          `${one} and ${other}, ${name}`,
        ).toBeGreaterThan(0.08);
});

test('control: the usual red and green do not stay apart', () => {
  const [red, green] = [linear('#d62728'), linear('#2ca02c')];
  const [far, near] = ['all', 'no green'].map((name) =>
    distance(seen(red, SIGHTS[name] ?? []), seen(green, SIGHTS[name] ?? [])),
  ) as [number, number];
  expect(far).toBeGreaterThan(0.2);
  expect(near).toBeLessThan(0.12);
});
