/**
 * Root directories of the sandbox image's layers, top first, from `BANATA_TEST_IMAGE_LAYERS` (colons between
 * them). Throws when it is not set: a test that needs the image must not pass without it.
 */
export function imageLayers(env: NodeJS.ProcessEnv): string[] {
  const layers = env['BANATA_TEST_IMAGE_LAYERS'];
  if (!layers) throw new Error('Set BANATA_TEST_IMAGE_LAYERS to the layers of the sandbox image, top first');
  return layers.split(':');
}
