import { basename, dirname } from 'node:path';
import type { Transform } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';

const CHUNK_BYTES = 256 * 1024;
const GZIP_LEVEL = 3;

/** Kinds of archives that are made. */
export const ARCHIVE_FORMATS = ['tar', 'tar.gz', 'tar.zst', 'zip'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/** What is to be packed, of a path that is there. */
export interface PackOptions {
  format: ArchiveFormat;
  /** Leaves out what this account may not read; otherwise it makes the archive fail. */
  skipUnreadable: boolean;
  /**
   * What entries begin at: `inside` a folder, which gives what can be unpacked into another one, or at the folder by its
   * `name`. A file is always there by its name.
   */
  from: 'inside' | 'name';
}

/** A program that writes an archive to its standard output. */
export interface ArchiveProgram {
  type: string;
  command: string;
  args: string[];
  cwd: string;
  /** What its output goes through. */
  encoder: Transform | undefined;
}

/**
 * Writes the folder `$1` to standard output as a zip: itself too where `$2` is 0, and no more than what can be read where
 * `$3` is skip. What is no file, folder or link is left out: zip would fail at a socket. zip says quietly that it failed,
 * and not at what; where there is nothing to pack it makes no archive, so an empty one is written here. It is told one
 * name a line, so a name of two lines would have it pack another file: such names are refused, or left out.
 */
const ZIP = `set -o pipefail
exec 4>&1
odd=$'*\\n*'
if [ "$3" != skip ]
then named=$(find "$1" -name "$odd" -printf '%p' -quit 2>/dev/null)
  [ -n "$named" ] && echo "\${named//$'\\n'/?} has a line end in its name, which a zip does not take; pack it as tar.zst" >&2 && exit 1
fi
complaint=$(if [ "$3" = skip ]
then { find "$1" -mindepth "$2" -name "$odd" -prune -o \\( -type f -readable -o -type d -readable -executable -o -type l \\) -print 2>/dev/null || true; }
else find "$1" -mindepth "$2" -name "$odd" -prune -o \\( -type f -o -type d -o -type l \\) -print
fi | zip --symlinks --quiet - -@ 2>&1 >&4 | head --bytes=2000)
code=$?
[ $code = 0 ] && exit
if [ "$3" != skip ]
then unreadable=$(find "$1" ! -type l ! -readable -printf '%p' -quit 2>/dev/null)
  [ -n "$unreadable" ] && echo "$unreadable: Permission denied" >&2 && exit $code
fi
[ $code = 12 ] && printf 'PK\\5\\6' && exec head --bytes=18 /dev/zero
echo "$complaint" >&2
exit $code`;

/** The program that packs a path. */
export function archiveProgram(path: string, isDirectory: boolean, options: PackOptions): ArchiveProgram {
  const inside = isDirectory && options.from === 'inside';
  const [cwd, name] = inside ? [path, '.'] : [dirname(path), `./${basename(path)}`];
  if (options.format === 'zip') {
    const args = ['-c', ZIP, 'zip', name, inside ? '1' : '0', options.skipUnreadable ? 'skip' : 'all'];
    return { type: 'application/zip', command: '/bin/bash', args, cwd, encoder: undefined };
  }
  const args = [
    '--create',
    '--file=-',
    '--format=posix',
    // Times of access and of status changes would make each archive of the same files another one.
    '--pax-option=delete=atime,delete=ctime',
    '--numeric-owner',
    // GNU's form of files with holes is not read by every program; uploads refuse it.
    ...(inside ? [] : ['--sparse']),
    ...(options.skipUnreadable ? ['--ignore-failed-read'] : []),
    '--',
    name,
  ];
  return { command: '/usr/bin/tar', args, cwd, ...TAR[options.format]() };
}

const TAR: Record<Exclude<ArchiveFormat, 'zip'>, () => { type: string; encoder: Transform | undefined }> = {
  tar: () => ({ type: 'application/x-tar', encoder: undefined }),
  'tar.gz': () => ({
    type: 'application/gzip',
    encoder: createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES }),
  }),
  'tar.zst': () => ({
    type: 'application/zstd',
    encoder: createZstdCompress({ chunkSize: CHUNK_BYTES }),
  }),
};
