import { useState } from 'react';
import { apiResponse } from '../api.ts';
import { formatCount } from '../format.ts';
import { asApiError } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { useToast } from '../ui/toast.tsx';
import type { ResultTable } from './result-table.ts';
import styles from './sql-page.module.css';
import type { Statement } from './statements.ts';

const FORMATS = [
  ['csv', 'CSV'],
  ['parquet', 'Parquet'],
  ['json', 'JSON'],
  ['xlsx', 'Excel'],
] as const;

interface DownloadsProps {
  readonly statement: Statement;
  readonly result: ResultTable;
}

/** Saves what the query gives: in the server's own formats by asking again, as a workbook from what is here. */
export function Downloads({ statement, result }: DownloadsProps) {
  const say = useToast();
  const [busy, setBusy] = useState<string>();
  const download = async (format: string) => {
    setBusy(format);
    try {
      const bytes = format === 'xlsx' ? await asWorkbook(result) : await asked(statement, format);
      save(bytes, `result.${format}`);
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

async function asked({ sql, params }: Statement, format: string): Promise<Blob> {
  const body = { sql, params, format, history: false };
  return (await apiResponse('/v1/sql', { method: 'POST', body })).blob();
}

/** What writes workbooks comes when the first one is wanted. */
async function asWorkbook(result: ResultTable): Promise<Blob> {
  const { SHEET_ROWS_MAX, workbook } = await import('./workbook.ts');
  if (result.rowCount >= SHEET_ROWS_MAX)
    throw new Error(
      `a sheet has at most ${formatCount(SHEET_ROWS_MAX)} rows. Take CSV or Parquet.`,
    );
  return workbook(result);
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
