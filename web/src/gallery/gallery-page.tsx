import { useMemo } from 'react';
import { THEMES } from '../../../src/dashboard/theme.ts';
import { ChartCard } from '../dashboard/chart-card.tsx';
import { ViewContext } from '../dashboard/view.ts';
import { useTheme } from '../theme.ts';
import { Page } from '../ui/page.tsx';
import styles from './gallery-page.module.css';
import { SAMPLES, type Sample } from './samples.ts';

/** `/gallery`: every kind of chart in every state, to look at and to take screenshots of. */
export function GalleryPage() {
  return (
    <Page
      title="Gallery"
      lead="Every kind of chart in every state, with numbers that stay the same."
    >
      {SAMPLES.map(({ title, samples }) => (
        <section key={title} aria-label={title}>
          <h2 className={styles['kind']}>{title}</h2>
          <div className={styles['samples']}>
            {samples.map((sample) => (
              <Shown key={`${sample.chart.kind} ${sample.state}`} sample={sample} />
            ))}
          </div>
        </section>
      ))}
    </Page>
  );
}

function Shown({ sample: { state, chart, answer, chosen } }: { sample: Sample }) {
  const theme = THEMES[useTheme()];
  const view = useMemo(
    () => ({
      name: 'gallery',
      standing: 'current' as const,
      state: chosen,
      change: () => undefined,
      answer: answer && {
        version: {},
        newest: {},
        instants: { fields: [], time: false },
        period: null,
        charts: { [chart.id]: answer },
        choices: {},
        choiceCounts: {},
      },
      theme,
      wording: { language: 'en', timeZone: 'UTC' },
    }),
    [chart, answer, chosen, theme],
  );
  return (
    <div>
      <p className={styles['state']}>{state}</p>
      <ViewContext value={view}>
        <ChartCard chart={chart} />
      </ViewContext>
    </div>
  );
}
