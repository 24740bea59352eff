import type { ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { ControlBadge } from '../ui/control-badge.tsx';
import { leaseText } from './lease-text.ts';
import { useControl } from './use-control.ts';
import type { PreviewView } from './view-reply.ts';
import type { ViewerKey } from './view-urls.ts';

interface Props {
  viewerKey: ViewerKey | null;
  view: PreviewView;
  /** A request for a person is ended elsewhere on the page. */
  endsElsewhere?: boolean;
}

const LOOK = 'min-h-8 shrink-0 px-2.5 py-1';

/** Who is in control and for how long, and the way to take control or give it back. */
export function ControlButtons({ viewerKey, view, endsElsewhere = false }: Props): ReactNode {
  const { take, giveBack, busy, problem, now } = useControl(viewerKey, view);
  const { controlMode, controller, leaseUntil, mayControl, inControl, handoff } = view;
  const left = leaseText(leaseUntil, now);
  const mayAct = mayControl && !(endsElsewhere && handoff !== null);
  const takes = mayAct && !(inControl && controlMode === 'human');
  return (
    <span className="flex min-w-0 shrink-0 items-center gap-2">
      {problem && (
        <span role="alert" title={problem} className="max-w-40 truncate text-xs text-bad max-sm:max-w-24">
          {problem}
        </span>
      )}
      {handoff?.status !== 'pending' && (
        <ControlBadge mode={controlMode} controller={inControl ? 'You' : controller} left={left} />
      )}
      {takes && (
        <Button look="main" className={LOOK} disabled={busy} onClick={take}>
          Take control
        </Button>
      )}
      {mayAct && inControl && (
        <Button className={LOOK} disabled={busy} onClick={giveBack}>
          {handoff?.status === 'accepted' ? 'Done' : 'Give back'}
        </Button>
      )}
    </span>
  );
}
