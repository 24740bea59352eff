import { fileURLToPath } from 'node:url';

/** Directory of the built daemon: what a driver puts into a box, read-only, at `/opt/banata`. */
export const boxDirectory = fileURLToPath(new URL('../dist/box', import.meta.url));
