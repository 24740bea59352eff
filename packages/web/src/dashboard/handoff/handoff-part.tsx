import type { Handoff, HandoffReply, Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { featuresOf, takesWork } from '../sandbox/session-facts.ts';
import { may } from '../shell/may.ts';
import { useServer } from '../shell/server-context.ts';
import { AskForm } from './ask-form.tsx';
import { HandoffBar } from './handoff-bar.tsx';
import { whyNotAsk } from './why-not-ask.ts';

interface Props {
  sandbox: Sandbox;
  session: SandboxSession;
  /** The request that is open. */
  handoff: Handoff | null;
}

/** Asking a person into a sandbox, and what became of it. */
export function HandoffPart({ sandbox, session, handoff }: Props): ReactNode {
  const { identity } = useServer();
  const [asking, setAsking] = useState(false);
  const [reply, setReply] = useState<HandoffReply | null>(null);
  if (!takesWork(session)) return null;
  if (handoff) {
    const isOurs = reply?.handoff.requestId === handoff.requestId;
    return (
      <HandoffBar
        key={handoff.requestId}
        sandbox={sandbox}
        handoff={handoff}
        viewerUrl={isOurs ? reply.viewerUrl : null}
      />
    );
  }
  if (!may(identity, 'sandbox_sessions:exec')) return null;
  if (asking) {
    const asked = (made: HandoffReply): void => {
      setReply(made);
      setAsking(false);
    };
    const { agent } = featuresOf(session);
    return <AskForm sandbox={sandbox} hasAgent={agent} onAsked={asked} onCancel={() => setAsking(false)} />;
  }
  const why = whyNotAsk(session);
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button disabled={why !== null} onClick={() => setAsking(true)}>
        Ask a person
      </Button>
      {why !== null && <span className="text-sm text-soft">{why}</span>}
    </div>
  );
}
