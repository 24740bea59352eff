import { useState, type FormEvent, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import type { HandoffView } from './use-handoff.ts';

type Fields = NonNullable<HandoffView['handoff']['fields']>;

interface Props {
  fields: Fields;
  deliver: HandoffView['handoff']['deliver'];
  /** Why nothing can be sent now; null when it can. */
  blocked: string | null;
  onSend: (values: Record<string, string>, note: string) => void;
}

const WHERE = {
  type: 'It is typed into the page for you. It is not stored, and the agent is not told.',
  placeholder:
    'It is typed into the page when the agent signs in. It is not stored, and the agent is not told.',
};

/** The form of a request: the person types here, and need not touch the browser. */
export function SecretForm({ fields, deliver, blocked, onSend }: Props): ReactNode {
  const [values, setValues] = useState<Record<string, string>>({});
  const [note, setNote] = useState('');
  const isWhole = fields.every(({ name }) => (values[name] ?? '') !== '');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isWhole && blocked === null) onSend(values, note.trim());
  };
  return (
    <form
      aria-label="What is asked for"
      autoComplete="off"
      onSubmit={submit}
      className="flex w-full flex-col gap-4 p-4 lg:w-96 lg:shrink-0 lg:overflow-y-auto lg:border-r lg:border-line"
    >
      {fields.map((field) => (
        <SecretField
          key={field.name}
          field={field}
          value={values[field.name] ?? ''}
          onChange={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
        />
      ))}
      <label className="flex flex-col gap-1.5 text-sm">
        <span className="text-soft">Note (optional, not secret)</span>
        <input
          value={note}
          maxLength={4000}
          autoComplete="off"
          onChange={(event) => setNote(event.target.value)}
          className={INPUT_CLASS}
        />
      </label>
      <Button type="submit" look="main" disabled={!isWhole || blocked !== null}>
        Send
      </Button>
      <p className="text-sm leading-relaxed text-pretty text-soft">{blocked ?? WHERE[deliver ?? 'type']}</p>
    </form>
  );
}

function SecretField({
  field: { label, kind, name },
  value,
  onChange,
}: {
  field: Fields[number];
  value: string;
  onChange: (value: string) => void;
}): ReactNode {
  const [isShown, setShown] = useState(false);
  const isHidden = kind === 'password' && !isShown;
  return (
    <div className="flex flex-col gap-1.5 text-sm">
      <label htmlFor={`field-${name}`} className="font-medium text-pretty break-words">
        {label}
      </label>
      <div className="flex gap-2">
        <input
          id={`field-${name}`}
          type={isHidden ? 'password' : 'text'}
          value={value}
          maxLength={4096}
          autoComplete={kind === 'otp' ? 'one-time-code' : 'off'}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
          className={`${INPUT_CLASS} ${kind === 'otp' ? 'font-mono tracking-widest' : ''}`}
        />
        {kind === 'password' && (
          <Button aria-pressed={isShown} aria-label={`Show ${label}`} onClick={() => setShown(!isShown)}>
            {isShown ? 'Hide' : 'Show'}
          </Button>
        )}
      </div>
    </div>
  );
}
