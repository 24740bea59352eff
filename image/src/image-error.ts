/** What an image operation can fail with. */
export type ImageErrorCode =
  | 'ABORTED'
  | 'BUILD_FAILED'
  | 'BUILD_LOCKED'
  | 'EXPORT_FAILED'
  | 'HOST_UNSUITABLE'
  | 'SETTING_INVALID';

/** Why an image could not be built, found or exported, in words an operator can act on. */
export class ImageError extends Error {
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
    this.code = code;
  }
}
