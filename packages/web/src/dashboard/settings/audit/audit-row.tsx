import type { AuditEntry } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { ShownTime } from '../../shown-time.tsx';
import { factsOf } from './facts.ts';

const TONES: Record<AuditEntry['outcome'], string> = {
  done: 'text-good',
  refused: 'text-wait',
  failed: 'text-bad',
};

interface Props {
  entry: AuditEntry;
  /** Shows only what the same key or person did. */
  onActor: (id: string, name: string) => void;
}

/** One request: who, what, about which objects, and what became of it. */
export function AuditRow({ entry, onActor }: Props): ReactNode {
  const { actor, outcome, code, objects, ip } = entry;
  const { id } = actor;
  const name = actor.name ?? 'nobody who is known';
  return (
    <li className="flex flex-col gap-1 px-4 py-3 text-sm">
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <code className="font-mono">{entry.route}</code>
        <span className={TONES[outcome]}>
          {outcome}
          {code && ` · ${code}`}
        </span>
        <span className="text-soft sm:ml-auto">
          <ShownTime at={entry.at} />
        </span>
      </div>
      <p className="wrap-anywhere text-soft">
        {actor.kind === 'api_key' ? 'Key ' : ''}
        {id === null ? (
          name
        ) : (
          <button type="button" className="text-ink hover:underline" onClick={() => onActor(id, name)}>
            {name}
          </button>
        )}
        {ip && ` from ${ip}`}
        {factsOf(objects).map((fact) => ` · ${fact}`)}
      </p>
    </li>
  );
}
