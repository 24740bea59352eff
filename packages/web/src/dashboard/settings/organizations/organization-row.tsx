import type { Organization, PlanList } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../../ui/button.tsx';
import { ConfirmButton } from '../../../ui/confirm-button.tsx';
import { ErrorNote } from '../../../ui/error-note.tsx';
import { INPUT_CLASS } from '../../../ui/input-class.ts';
import { useClient } from '../../shell/use-client.ts';
import { ShownTime } from '../../shown-time.tsx';
import { SuspendForm } from './suspend-form.tsx';

interface Props {
  organization: Organization;
  plans: PlanList['data'];
  onChanged: () => void;
}

/** One organization: its plan, suspending and resuming it, deleting it. */
export function OrganizationRow({ organization, plans, onChanged }: Props): ReactNode {
  const { organizations } = useClient();
  const { id, name, operator, plan, status, suspendedReason } = organization;
  const [suspending, setSuspending] = useState(false);
  const planning = useMutation({
    mutationFn: (next: string) => organizations.setPlan(id, next === '' ? null : next),
    onSuccess: onChanged,
  });
  const suspension = useMutation({
    mutationFn: (reason: string) => organizations.suspend(id, reason === '' ? {} : { reason }),
    onSuccess: () => {
      setSuspending(false);
      onChanged();
    },
  });
  const resumption = useMutation({ mutationFn: () => organizations.resume(id), onSuccess: onChanged });
  const deletion = useMutation({ mutationFn: () => organizations.delete(id), onSuccess: onChanged });

  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <span className="mr-auto min-w-0 wrap-anywhere">
          <span className="font-medium">{name}</span>{' '}
          {operator && <span className="text-sm text-soft">runs this installation</span>}
          {status === 'suspended' && <span className="text-sm text-wait">suspended</span>}
        </span>
        <select
          aria-label={`Plan of ${name}`}
          value={plan ?? ''}
          disabled={planning.isPending}
          onChange={(event) => planning.mutate(event.target.value)}
          className={`${INPUT_CLASS} w-auto!`}
        >
          <option value="">default plan</option>
          {plans.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        {!operator && status === 'active' && !suspending && (
          <Button look="danger" onClick={() => setSuspending(true)}>
            Suspend
          </Button>
        )}
        {status === 'suspended' && (
          <Button disabled={resumption.isPending} onClick={() => resumption.mutate()}>
            {resumption.isPending ? 'Resuming…' : 'Resume'}
          </Button>
        )}
        {!operator && (
          <ConfirmButton
            label="Delete"
            question={`Delete ${name} for good?`}
            yes="Delete for good, with keys and people"
            pending={deletion.isPending}
            pendingLabel="Deleting…"
            onConfirm={() => deletion.mutate()}
          />
        )}
      </div>
      <p className="text-sm wrap-anywhere text-soft">
        <code className="font-mono">{id}</code> · since <ShownTime at={organization.createdAt} />
        {suspendedReason && ` · ${suspendedReason}`}
      </p>
      {suspending && (
        <SuspendForm
          pending={suspension.isPending}
          onSuspend={(reason) => suspension.mutate(reason)}
          onCancel={() => setSuspending(false)}
        />
      )}
      <ErrorNote error={planning.error ?? suspension.error ?? resumption.error ?? deletion.error} />
    </li>
  );
}
