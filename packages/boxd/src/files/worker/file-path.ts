import { resolve } from 'node:path';
import { FileError } from './file-error.ts';

const MAX_PATH_BYTES = 4096;

/** The absolute path that a field of the query names; relative ones are relative to the workspace. */
export function filePath(query: URLSearchParams, workspace: string, name = 'path'): string {
  const path = query.get(name);
  if (path === null || path === '') throw new FileError(400, 'INVALID_PATH', `${name}: a path is needed`);
  if (path.includes('\0')) {
    throw new FileError(400, 'INVALID_PATH', `${name}: must not contain a null byte`);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new FileError(400, 'NAME_TOO_LONG', `${name}: may have at most ${MAX_PATH_BYTES} bytes`);
  }
  return resolve(workspace, path);
}
