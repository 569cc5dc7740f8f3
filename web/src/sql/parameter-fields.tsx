import { Field, Input } from '../ui/field.tsx';
import styles from './sql-page.module.css';

interface ParameterFieldsProps {
  readonly names: readonly string[];
  /** As they were typed. */
  readonly texts: ReadonlyMap<string, string>;
  readonly onChange: (name: string, text: string) => void;
  readonly onRun: () => void;
}

/** What stands for `$name` in the statements. */
export function ParameterFields({ names, texts, onChange, onRun }: ParameterFieldsProps) {
  if (names.length === 0) return null;
  return (
    <fieldset className={styles['parameters']}>
      <legend className="visually-hidden">Parameters</legend>
      {names.map((name) => (
        <Field key={name} label={`$${name}`} isInline>
          <Input
            value={texts.get(name) ?? ''}
            placeholder="text, number, true, null"
            onChange={({ target }) => onChange(name, target.value)}
            onKeyDown={({ key }) => key === 'Enter' && onRun()}
          />
        </Field>
      ))}
    </fieldset>
  );
}
