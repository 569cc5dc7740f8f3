import { useState } from 'react';
import { apiResponse } from '../api.ts';
import { asApiError } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { useToast } from '../ui/toast.tsx';
import styles from './sql-page.module.css';

const FORMATS = [
  ['csv', 'CSV'],
  ['parquet', 'Parquet'],
  ['json', 'JSON'],
] as const;

/** Runs the query again and saves what it gives, in the server's own formats. */
export function Downloads({ sql }: { sql: string }) {
  const say = useToast();
  const [busy, setBusy] = useState<string>();
  const download = async (format: string) => {
    setBusy(format);
    try {
      const response = await apiResponse('/v1/sql', { method: 'POST', body: { sql, format } });
      save(await response.blob(), `result.${format}`);
    } catch (error) {
      say(`Not downloaded: ${asApiError(error).message}`, 'bad');
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <div className={styles['downloads']}>
      <span>Download</span>
      {FORMATS.map(([format, name]) => (
        <Button
          key={format}
          disabled={busy !== undefined}
          aria-label={`Download ${name}`}
          onClick={() => download(format)}
        >
          {busy === format ? '…' : name}
        </Button>
      ))}
    </div>
  );
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
