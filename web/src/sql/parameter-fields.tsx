import { Field, Input } from '../ui/field.tsx';
import styles from './sql-page.module.css';
import type { TypedParameters } from './use-parameters.ts';

interface ParameterFieldsProps {
  readonly parameters: TypedParameters;
  readonly onRun: () => void;
}

/** What stands for `$name` in the statements. */
export function ParameterFields({
  parameters: { names, texts, type },
  onRun,
}: ParameterFieldsProps) {
  if (names.length === 0) return null;
  return (
    <fieldset className={styles['parameters']}>
      <legend className="visually-hidden">Parameters</legend>
      {names.map((name) => (
        <Field key={name} label={`$${name}`} isInline>
          <Input
            value={texts.get(name) ?? ''}
            placeholder="text, number, true, null"
            onChange={({ target }) => type(name, target.value)}
            onKeyDown={({ key }) => key === 'Enter' && onRun()}
          />
        </Field>
      ))}
    </fieldset>
  );
}
