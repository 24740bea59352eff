import type { ReactNode } from 'react';
import type { PreviewView } from './view-reply.ts';

const REASONS: Record<NonNullable<PreviewView['handoff']>['reason'], string> = {
  mfa: 'A code is needed',
  captcha: 'A captcha has to be solved',
  approval: 'Your approval is needed',
  login_failed: 'Signing in needs you',
  ambiguous_ui: 'The page is not clear',
  file_download: 'A file is to be downloaded',
  custom: 'Your help is needed',
};

/** What a person is asked to do. */
export function HandoffNote({
  handoff,
}: {
  handoff: Pick<NonNullable<PreviewView['handoff']>, 'status' | 'reason' | 'message'> | null;
}): ReactNode {
  if (!handoff || (handoff.status !== 'pending' && handoff.status !== 'accepted')) return null;
  return (
    <p
      role="status"
      className="max-h-[30vh] shrink-0 overflow-y-auto border-b border-line bg-raised px-3 py-2 text-sm wrap-anywhere whitespace-pre-wrap"
    >
      <strong className="mr-2 font-semibold">{REASONS[handoff.reason]}</strong>
      <span className="text-soft">{handoff.message}</span>
    </p>
  );
}
