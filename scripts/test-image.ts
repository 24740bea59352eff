import { loadConfig } from '@banata/config';
import { findImage } from '@banata/image';

/** Before the integration tests: tells them where the sandbox image lies, which `./banata image build` has built. */
export async function setup(): Promise<void> {
  const { cache, image } = loadConfig(process.env);
  const found = await findImage({
    cacheDir: cache,
    ...(image.debianMirror === undefined ? {} : { debianMirror: image.debianMirror }),
    ...(image.extraCaFile === undefined ? {} : { extraCaFile: image.extraCaFile }),
  });
  if (!found)
    throw new Error('The sandbox image is not built. Run "./banata image build", or "./banata test".');
  process.env['BANATA_TEST_IMAGE_LAYERS'] = found.layers.join(':');
}
