import { buildImage, findImage, type ImageSettings, type SandboxImage } from '@banata/image';
import type { CliContext } from '../context.ts';

export function imageSettings({ config }: CliContext): ImageSettings {
  const { debianMirror, extraCaFile } = config.image;
  return {
    cacheDir: config.cache,
    ...(debianMirror === undefined ? {} : { debianMirror }),
    ...(extraCaFile === undefined ? {} : { extraCaFile }),
  };
}

/** The sandbox image of these settings; what is missing of it is built, with progress. */
export async function prepareImage(context: CliContext): Promise<SandboxImage> {
  const settings = imageSettings(context);
  const built = await findImage(settings);
  if (built) return built;
  return context.output.step('Building the sandbox image (once per machine)', (progress) =>
    buildImage({
      ...settings,
      signal: context.signal,
      onProgress: ({ stage, message, fraction }) =>
        progress.update(
          `${stage}: ${message}${fraction === undefined ? '' : ` ${Math.round(fraction * 100)} %`}`,
        ),
    }),
  );
}
