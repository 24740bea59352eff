import type { HandoffReason, HandoffReply, Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../ui/card-form.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { handoffKey } from './use-open-handoff.ts';

interface Props {
  sandbox: Sandbox;
  hasAgent: boolean;
  onAsked: (reply: HandoffReply) => void;
  onCancel: () => void;
}

const REASONS: readonly [HandoffReason, string][] = [
  ['mfa', 'A code is needed'],
  ['captcha', 'A captcha has to be solved'],
  ['approval', 'An approval is needed'],
  ['login_failed', 'Signing in failed'],
  ['ambiguous_ui', 'The page is not clear'],
  ['file_download', 'A file is to be downloaded'],
  ['custom', 'Something else'],
];
const MINUTE_MS = 60_000;
const WAITS: readonly [number, string][] = [
  [15 * MINUTE_MS, '15 minutes'],
  [60 * MINUTE_MS, '1 hour'],
  [24 * 60 * MINUTE_MS, '1 day'],
];

/** Asks a person to take over, in words of one's own. */
export function AskForm({ sandbox, hasAgent, onAsked, onCancel }: Props): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState<HandoffReason>('custom');
  const [message, setMessage] = useState('');
  const [resume, setResume] = useState('');
  const [expiresInMs, setExpiresInMs] = useState(60 * MINUTE_MS);
  const asking = useMutation({
    mutationFn: () =>
      sandbox.requestHumanHandoff({
        reason,
        message: message.trim(),
        requestedBy: 'dashboard',
        expiresInMs,
        ...(resume.trim() === '' ? {} : { resumePrompt: resume.trim() }),
      }),
    onSuccess: onAsked,
    onSettled: () => queries.invalidateQueries({ queryKey: handoffKey(sandbox.id) }),
  });

  return (
    <CardForm
      label="Ask a person"
      words={['Ask', 'Asking…']}
      ready={message.trim() !== ''}
      sending={asking}
      onSend={() => asking.mutate()}
      onCancel={onCancel}
    >
      <p className="text-sm text-soft">
        Automation of this sandbox stops at once, and goes on when the person is done.
      </p>
      <label className="flex flex-col gap-1.5 text-sm font-medium">
        What they are to do
        <textarea
          autoFocus
          required
          rows={3}
          maxLength={4000}
          placeholder="Enter the 6-digit code from the authenticator app and press Sign in."
          value={message}
          onChange={(event) => setMessage(event.target.value)}
          className={`${INPUT_CLASS} font-normal`}
        />
      </label>
      <div className="grid gap-4 sm:grid-cols-2">
        <Select
          label="Why"
          options={REASONS}
          value={reason}
          onChange={(value) => setReason(value as HandoffReason)}
        />
        <Select
          label="Wait for them"
          options={WAITS}
          value={expiresInMs}
          onChange={(value) => setExpiresInMs(Number(value))}
        />
      </div>
      {hasAgent && (
        <label className="flex flex-col gap-1.5 text-sm font-medium">
          What the agent does afterwards (optional)
          <textarea
            rows={2}
            maxLength={64 * 1024}
            placeholder="You are signed in now. Download the invoice."
            value={resume}
            onChange={(event) => setResume(event.target.value)}
            className={`${INPUT_CLASS} font-normal`}
          />
        </label>
      )}
    </CardForm>
  );
}

function Select<T extends string | number>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: string) => void;
}): ReactNode {
  return (
    <label className="flex flex-col gap-1.5 text-sm font-medium">
      {label}
      <select
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className={`${INPUT_CLASS} font-normal`}
      >
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
