import type { ReactNode } from 'react';
import { mount } from '../ui/mount.tsx';
import { Notice } from '../remote/notice.tsx';
import { tabName } from '../remote/tab-name.ts';
import { parseViewerLink } from '../remote/viewer-link.ts';
import { isHandoffLink } from './handoff/handoff-link.ts';
import { HandoffPage } from './handoff/handoff-page.tsx';
import { ViewerPage } from './viewer-page.tsx';

function page(): ReactNode {
  const link = parseViewerLink(location.href);
  if (!link) return <Notice phase="incomplete" />;
  const viewerKey = { token: link.token, viewer: tabName() };
  return isHandoffLink(location.href) ? (
    <HandoffPage viewerKey={viewerKey} />
  ) : (
    <ViewerPage viewerKey={viewerKey} />
  );
}

mount(page());
