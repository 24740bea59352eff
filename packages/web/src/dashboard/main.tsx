import { mount } from '../ui/mount.tsx';
import { App } from './shell/app.tsx';
import { createKeyStore } from './shell/stored-key.ts';

mount(<App keys={createKeyStore(() => sessionStorage)} />);
