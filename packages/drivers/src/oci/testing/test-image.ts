import { existsSync } from 'node:fs';

/**
 * Folders of the sandbox image for tests, topmost first, from BANATA_TEST_IMAGE_LAYERS (separated by colons).
 * @throws when the variable is missing or names folders that do not exist.
 */
export function testImageLayers(environment: NodeJS.ProcessEnv): string[] {
  const layers = (environment['BANATA_TEST_IMAGE_LAYERS'] ?? '').split(':').filter((layer) => layer !== '');
  if (layers.length === 0 || !layers.every((layer) => existsSync(layer))) {
    throw new Error(
      'Set BANATA_TEST_IMAGE_LAYERS to the folders of a built sandbox image, topmost first, with ":" between.',
    );
  }
  return layers;
}
