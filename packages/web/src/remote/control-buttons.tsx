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
}

const LOOK = 'min-h-8 shrink-0 px-2.5 py-1';

/** Who is in control and for how long, and the way to take control or give it back. */
export function ControlButtons({ viewerKey, view }: Props): ReactNode {
  const { take, giveBack, busy, problem, now } = useControl(viewerKey, view);
  const { controlMode, controller, leaseUntil, mayControl, inControl } = view;
  const left = leaseText(leaseUntil, now);
  const takes = mayControl && !(inControl && controlMode === 'human');
  return (
    <span className="flex min-w-0 shrink-0 items-center gap-2">
      {problem && (
        <span role="alert" title={problem} className="max-w-40 truncate text-xs text-bad max-sm:max-w-24">
          {problem}
        </span>
      )}
      <ControlBadge mode={controlMode} controller={inControl ? 'You' : controller} left={left} />
      {takes && (
        <Button look="main" className={LOOK} disabled={busy} onClick={take}>
          Take control
        </Button>
      )}
      {mayControl && inControl && (
        <Button className={LOOK} disabled={busy} onClick={giveBack}>
          Give back
        </Button>
      )}
    </span>
  );
}
