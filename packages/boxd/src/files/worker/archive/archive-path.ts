import { FileError } from '../file-error.ts';

const MAX_PATH_BYTES = 4096;
const MAX_SHOWN = 200;

/** An entry that is not unpacked, and why. */
export function refuseEntry(name: string, why: string): FileError {
  const shown = JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name);
  return new FileError(
    422,
    'ARCHIVE_REFUSED',
    `The entry ${shown} ${why}; what came before it has been unpacked`,
  );
}

/**
 * The path of an entry, relative to where the archive is unpacked, as its parts; none for that folder itself.
 * Throws a {@link FileError} 422 for a path that leads elsewhere.
 */
export function entryPath(name: string, whole = name): string[] {
  if (name.includes('\0')) throw refuseEntry(whole, 'has a name with a null byte');
  if (name.startsWith('/')) throw refuseEntry(whole, 'has an absolute path');
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) throw refuseEntry(whole, 'has a path of over 4096 bytes');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuseEntry(whole, 'leads out of the folder ("..")');
  return parts;
}
