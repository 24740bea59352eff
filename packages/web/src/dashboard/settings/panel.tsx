import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Spinner } from '../../ui/spinner.tsx';

interface Props {
  title: string;
  /** Beside the title: what begins something new. */
  action: ReactNode;
  errors: readonly unknown[];
  pending: boolean;
  /** Said when there is nothing; undefined when there is. */
  empty: string | undefined;
  /** Above the list: a form, or a new secret. */
  top: ReactNode;
  /** The rows. */
  children: ReactNode;
}

/** The frame of each part of the settings. */
export function Panel({ title, action, errors, pending, empty, top, children }: Props): ReactNode {
  return (
    <section aria-label={title} className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="mr-auto text-lg font-semibold">{title}</h2>
        {action}
      </div>
      {top}
      {errors.map((error, index) => (
        // The places are fixed: one for each thing that can fail.
        <ErrorNote key={index} error={error} />
      ))}
      {pending && <Spinner className="mx-auto size-7" />}
      {empty !== undefined && (
        <p className="rounded-lg border border-dashed border-line px-6 py-10 text-center text-sm text-soft">
          {empty}
        </p>
      )}
      <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line bg-panel empty:hidden">
        {children}
      </ul>
    </section>
  );
}
