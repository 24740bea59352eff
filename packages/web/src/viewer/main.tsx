import { mount } from '../ui/mount.tsx';
import { Notice } from '../remote/notice.tsx';
import { parseViewerLink } from '../remote/viewer-link.ts';
import { ViewerPage } from './viewer-page.tsx';

const link = parseViewerLink(location.href);
mount(link ? <ViewerPage token={link.token} /> : <Notice phase="incomplete" />);
