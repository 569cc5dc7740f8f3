import styles from './sparkline.module.css';

interface SparklineProps {
  readonly values: readonly number[];
  /** As many as the line has room for: with fewer it starts at its right. */
  readonly length: number;
  readonly label: string;
}

const [WIDTH, HEIGHT] = [96, 24];

/** The last values as a line over its zero, up to the highest. */
export function Sparkline({ values, length, label }: SparklineProps) {
  const most = Math.max(1e-9, ...values);
  const points = values.map((value, index) => {
    const x = ((length - values.length + index) / (length - 1)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 1.5 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  });
  return (
    <svg
      className={styles['sparkline']}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <line x1="0" x2={WIDTH} y1={HEIGHT - 1.5} y2={HEIGHT - 1.5} />
      <polyline points={points.join(' ')} />
    </svg>
  );
}
