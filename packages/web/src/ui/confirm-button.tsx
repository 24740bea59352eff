import { useState, type ReactNode } from 'react';
import { Button } from './button.tsx';

interface Props {
  label: string;
  /** What is asked before it happens. */
  question: string;
  /** The answer that makes it happen. */
  yes: string;
  no?: string;
  pending: boolean;
  pendingLabel: string;
  look?: 'plain' | 'danger';
  onConfirm: () => void;
}

/** Does something that cannot be taken back, after asking. */
export function ConfirmButton({ look = 'danger', no = 'Cancel', ...props }: Props): ReactNode {
  const [asking, setAsking] = useState(false);
  if (props.pending) {
    return (
      <Button look={look} disabled>
        {props.pendingLabel}
      </Button>
    );
  }
  if (!asking) {
    return (
      <Button look={look} onClick={() => setAsking(true)}>
        {props.label}
      </Button>
    );
  }
  const confirm = (): void => {
    setAsking(false);
    props.onConfirm();
  };
  return (
    <span role="group" aria-label={props.question} className="flex gap-2">
      <Button look={look} autoFocus onClick={confirm}>
        {props.yes}
      </Button>
      <Button onClick={() => setAsking(false)}>{no}</Button>
    </span>
  );
}
