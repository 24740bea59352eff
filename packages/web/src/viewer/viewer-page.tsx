import type { ReactNode } from 'react';
import { ControlButtons } from '../remote/control-buttons.tsx';
import { HandoffNote } from '../remote/handoff-note.tsx';
import type { PreviewView } from '../remote/view-reply.ts';
import type { ViewerKey } from '../remote/view-urls.ts';
import { pageName } from './page-name.ts';
import { ViewerFrame } from './viewer-frame.tsx';

function nameTab(view: PreviewView | null): void {
  document.title = pageName(view).title;
}

/** The live browser behind one link, and nothing else. */
export function ViewerPage({ viewerKey }: { viewerKey: ViewerKey }): ReactNode {
  return (
    <ViewerFrame
      viewerKey={viewerKey}
      autoFocus
      onView={nameTab}
      controls={(view) => view && <ControlButtons viewerKey={viewerKey} view={view} />}
      below={(view) => <HandoffNote handoff={view?.handoff ?? null} />}
    />
  );
}
