import { useState } from 'react';
import { usePlan } from '../plan.tsx';
import type { Resource } from '../resource.ts';
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx';
import { nameText, type Relation, relationText, SCHEMAS } from './relations.ts';
import styles from './sql-page.module.css';

interface RelationListProps {
  readonly relations: Resource<readonly Relation[]>;
  readonly onInsert: (text: string) => void;
}

/** What can be asked for; a click writes its name into the editor. */
export function RelationList({ relations, onInsert }: RelationListProps) {
  const { data, error, reload } = relations;
  if (!data)
    return error ? (
      <ErrorState title="The tables could not be listed" error={error} onRetry={reload} />
    ) : (
      <Skeleton lines={12} label="Loading the list of tables" />
    );
  if (data.length === 0) return <EmptyState title="There is no table" />;
  return (
    <div className={styles['schemas']}>
      {SCHEMAS.map(([schema, what]) => {
        const inSchema = data.filter((relation) => relation.schema === schema);
        if (inSchema.length === 0) return null;
        return (
          <section key={schema} aria-label={`Schema ${schema}`}>
            <h2 className={styles['schema']}>
              {schema} <span>{what}</span>
            </h2>
            <ul>
              {inSchema.map((relation) => (
                <RelationItem key={relation.name} relation={relation} onInsert={onInsert} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

interface RelationItemProps {
  readonly relation: Relation;
  readonly onInsert: (text: string) => void;
}

function RelationItem({ relation, onInsert }: RelationItemProps) {
  const [isOpen, setOpen] = useState(false);
  const description = useDescription(relation);
  const full = `${relation.schema}.${relation.name}`;
  return (
    <li>
      <div className={styles['relation']}>
        <button
          type="button"
          className={styles['toggle']}
          aria-expanded={isOpen}
          aria-label={`Columns of ${full}`}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? '▾' : '▸'}
        </button>
        <button
          type="button"
          className={styles['insert']}
          title={description ?? `Insert ${relationText(relation)}`}
          aria-label={`Insert ${full}`}
          onClick={() => onInsert(relationText(relation))}
        >
          {relation.name}
        </button>
      </div>
      {isOpen && (
        <ul className={styles['columns']}>
          {relation.columns.map(({ name, type, description: about }) => (
            <li key={name}>
              <button
                type="button"
                className={styles['insert']}
                title={about ?? `Insert ${name}`}
                aria-label={`Insert column ${name}`}
                onClick={() => onInsert(nameText(name))}
              >
                <span>{name}</span>
                <span className={styles['type']}>{type.toLowerCase()}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function useDescription({ name }: Relation): string | undefined {
  const { data: plan } = usePlan();
  if (!plan) return undefined;
  const all = [...plan.streams, ...plan.models, ...plan.lookups];
  return all.find((definition) => definition.name === name)?.description;
}
