import { buildImage } from '../build/build-image.ts';
import { tinyImage } from './tiny-image.ts';

// A process of its own for a test that kills a build: cache folder, description's folder, upper set-up script.
const [cacheDir = '', folder = '', setup = ''] = process.argv.slice(2);
await buildImage(
  { cacheDir, onProgress: ({ stage, message }) => process.stdout.write(`${stage} ${message}\n`) },
  tinyImage(folder, { 'high/setup.sh': setup }),
);
