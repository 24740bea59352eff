import { mount } from '../ui/mount.tsx';
import { Notice } from '../remote/notice.tsx';
import { tabName } from '../remote/tab-name.ts';
import { parseViewerLink } from '../remote/viewer-link.ts';
import { ViewerPage } from './viewer-page.tsx';

const link = parseViewerLink(location.href);
const viewerKey = link && { token: link.token, viewer: tabName() };
mount(viewerKey ? <ViewerPage viewerKey={viewerKey} /> : <Notice phase="incomplete" />);
