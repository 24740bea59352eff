import { resolve } from 'node:path';
import { FileError } from './file-error.ts';

const MAX_PATH_BYTES = 4096;

/** The absolute path that a request's `path` names; relative ones are relative to the workspace. */
export function filePath(query: URLSearchParams, workspace: string): string {
  const path = query.get('path');
  if (path === null || path === '') throw new FileError(400, 'INVALID_PATH', 'path: a path is needed');
  if (path.includes('\0')) throw new FileError(400, 'INVALID_PATH', 'path: must not contain a null byte');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new FileError(400, 'INVALID_PATH', `path: may have at most ${MAX_PATH_BYTES} bytes`);
  }
  return resolve(workspace, path);
}
