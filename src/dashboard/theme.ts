/**
 * The colours charts are drawn with. Drawings cannot read the page's CSS variables where there is no page, so
 * these are the same colours once more; test/dashboard/theme.test.ts holds them against web/src/tokens.css.
 */
export interface Theme {
  /** Behind the cards. */
  readonly bg: string;
  readonly surface: string;
  readonly surfaceSelected: string;
  readonly border: string;
  readonly text: string;
  readonly textMuted: string;
  readonly textAccent: string;
  readonly good: string;
  readonly bad: string;
  /** Categories, in the order they are given out. */
  readonly series: readonly string[];
}

export const THEMES: { readonly light: Theme; readonly dark: Theme } = {
  light: {
    bg: '#f6f6f4',
    surface: '#ffffff',
    surfaceSelected: '#e6edf6',
    border: '#e4e3df',
    text: '#1a1b1e',
    textMuted: '#63656d',
    textAccent: '#1f5fae',
    good: '#177a3d',
    bad: '#b3261e',
    series: [
      '#3a7bc4',
      '#d87d32',
      '#00a59c',
      '#ab3686',
      '#7d6609',
      '#5248b8',
      '#802c16',
      '#3f4954',
    ],
  },
  dark: {
    bg: '#101215',
    surface: '#181b1f',
    surfaceSelected: '#21303f',
    border: '#2a2f35',
    text: '#e8eaed',
    textMuted: '#9ba2ab',
    textAccent: '#7db4f2',
    good: '#56c881',
    bad: '#f2867e',
    series: [
      '#5b9ae4',
      '#e98e50',
      '#80cbae',
      '#be6b9f',
      '#eecd51',
      '#6f57c8',
      '#b63d3e',
      '#d1def0',
    ],
  },
};

/** Quoted so that it may stand in an attribute: ECharts writes it into one as it is. */
export const FONT = "Inter, 'Inter fallback', system-ui, sans-serif";

/** The colour of a series by its place; "Other" has none of its own. */
export function seriesColor(theme: Theme, index: number, isOther: boolean): string {
  if (isOther) return theme.textMuted;
  return theme.series[index % theme.series.length] as string;
}
