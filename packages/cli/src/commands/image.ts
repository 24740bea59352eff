import { join, resolve } from 'node:path';
import { exportImage } from '@banata/image';
import type { CliContext } from '../context.ts';
import { buildPackages } from '../setup/build-packages.ts';
import { prepareImage } from '../setup/prepare-image.ts';

export async function build(context: CliContext): Promise<void> {
  const image = await prepareImage(context);
  if (context.output.json) context.output.result(image);
  else context.output.say(`Image ${image.id} is ready in ${context.config.cache}.`);
}

export async function exportTo(context: CliContext, file: string): Promise<void> {
  const output = resolve(file);
  await buildPackages(context);
  const image = await prepareImage(context);
  const exported = await context.output.step(`Writing ${output}`, (progress) =>
    exportImage({
      image,
      boxdDir: join(context.root, 'packages/boxd/dist/box'),
      output,
      signal: context.signal,
      onProgress: ({ message, fraction }) =>
        progress.update(fraction === undefined ? message : `${message} ${Math.round(fraction * 100)} %`),
    }),
  );
  if (context.output.json) context.output.result(exported);
  else context.output.say(`${exported.reference} is in ${output}. Import it with: docker load -i ${output}`);
}
