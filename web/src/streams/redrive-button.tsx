import { useState } from 'react';
import type { RedriveResult } from '../../../src/serve/services.ts';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { asApiError } from '../resource.ts';
import { useMay } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { useToast } from '../ui/toast.tsx';

interface RedriveButtonProps {
  readonly stream: string;
  /** A condition of SQL over the dead letters, and what it picks, for people. */
  readonly where: string;
  readonly which: string;
  readonly onDone: () => void;
}

/** Sends dead letters again, for example after the pipeline was corrected. */
export function RedriveButton({ stream, where, which, onDone }: RedriveButtonProps) {
  const say = useToast();
  const may = useMay('admin');
  const [isAsked, setAsked] = useState(false);
  const redrive = async () => {
    setAsked(true);
    try {
      const path = `/v1/streams/${stream}/redrive`;
      const result = await api<RedriveResult>(path, { method: 'POST', body: { where } });
      say(...outcome(stream, result));
    } catch (error) {
      say(`The letters could not be sent again: ${asApiError(error).message}`, 'bad');
    } finally {
      setAsked(false);
      onDone();
    }
  };
  return (
    <Button
      variant="quiet"
      onClick={redrive}
      disabled={!may || isAsked}
      {...(may ? {} : { title: 'This is for administrators' })}
    >
      {isAsked ? 'Sending …' : 'Send again'}
      <span className="visually-hidden">{which}</span>
    </Button>
  );
}

function outcome(
  stream: string,
  { redriven, refused, ofLookups, reasons }: RedriveResult,
): [text: string, tone?: 'bad'] {
  const stored = `${stream}: ${plural(redriven, 'letter')} stored`;
  if (refused === 0 && ofLookups === 0) return [`${stored}.`];
  if (refused === 0)
    return [
      `${stored}; ${plural(ofLookups, 'letter')} of lookups left alone: their records are in the stream.`,
    ];
  return [
    `${stored}, ${refused.toLocaleString()} refused again: ${Object.keys(reasons)[0]}`,
    'bad',
  ];
}
