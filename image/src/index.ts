export { buildImage, findImage, type BuildImageOptions, type SandboxImage } from './build/build-image.ts';
export type { ImageSettings } from './build/plan-image.ts';
export type { ImageProgress } from './build/progress.ts';
export { ImageError, type ImageErrorCode } from './image-error.ts';
export { SANDBOX_ENVIRONMENT, SANDBOX_PATH, SYSTEM_PATH } from './sandbox-environment.ts';
export { exportImage, type ExportedImage, type ExportImageOptions } from './export/export-image.ts';
export { BOX_ENTRYPOINT } from './export/image-config.ts';
export { IMAGE_HOST_PACKAGES } from './build/check-host.ts';
