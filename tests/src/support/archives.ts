import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';

/** An entry of a tar archive; whatever its header says is written as it is. */
export type ArchiveEntry = Partial<Header> & { name: string; content?: string | Buffer };

/** A tar archive of these entries. */
export async function tarOf(entries: readonly ArchiveEntry[]): Promise<Buffer<ArrayBuffer>> {
  const archive = pack();
  const whole = buffer(archive);
  for (const { content = '', ...header } of entries) {
    if (header.type === undefined || header.type === 'file') archive.entry(header, content);
    else archive.entry(header);
  }
  archive.finalize();
  return Buffer.from(await whole);
}

/** What an archive that means harm must come to. */
export interface HostileArchive {
  what: string;
  archive: Buffer<ArrayBuffer>;
  /** Code of the refusal; undefined where it is unpacked without the harm. */
  code?: string;
}

const OUTSIDE = '/home/user/outside';

/** Archives that try to get out of the folder, or to bring in what does not belong there. */
export async function hostileArchives(): Promise<HostileArchive[]> {
  const refused = async (what: string, ...entries: ArchiveEntry[]): Promise<HostileArchive> => ({
    what,
    archive: await tarOf(entries),
    code: 'ARCHIVE_REFUSED',
  });
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const bomb = await tarOf([{ name: 'zeros', content: zeros }]);
  const valid = await tarOf([{ name: 'a.txt', content: 'a'.repeat(5000) }]);
  const corrupt = Buffer.from(valid);
  corrupt[100] = 0x39;
  return [
    await refused('..', { name: '../outside', content: 'x' }),
    await refused('.. in the middle', { name: 'a/../../outside', content: 'x' }),
    await refused('an absolute path', { name: OUTSIDE, content: 'x' }),
    await refused('a folder ..', { name: '../outside/', type: 'directory' }),
    await refused(
      'a link, then a file through it',
      { name: 'way', type: 'symlink', linkname: '/home/user' },
      { name: 'way/outside', content: 'x' },
    ),
    await refused(
      'a relative link, then a folder through it',
      { name: 'way', type: 'symlink', linkname: '../../home/user' },
      { name: 'way/outside', type: 'directory' },
    ),
    await refused(
      'a link to a link, then a file through both',
      { name: 'one', type: 'symlink', linkname: '..' },
      { name: 'two', type: 'symlink', linkname: 'one/..' },
      { name: 'two/home/user/outside', content: 'x' },
    ),
    {
      what: 'a link, then a file in its place',
      archive: await tarOf([
        { name: 'place', type: 'symlink', linkname: OUTSIDE },
        { name: 'place', content: 'x' },
      ]),
    },
    await refused('a hard link to an absolute path', {
      name: 'hard',
      type: 'link',
      linkname: '/etc/passwd',
    }),
    await refused('a hard link through ..', { name: 'hard', type: 'link', linkname: '../kept.txt' }),
    await refused(
      'a hard link through a link',
      { name: 'way', type: 'symlink', linkname: '/etc' },
      { name: 'hard', type: 'link', linkname: 'way/passwd' },
    ),
    await refused(
      'a hard link to a link',
      { name: 'way', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'hard', type: 'link', linkname: 'way' },
    ),
    await refused('a character device', { name: 'zero', type: 'character-device', devmajor: 1, devminor: 5 }),
    await refused('a block device', { name: 'sda', type: 'block-device', devmajor: 8, devminor: 0 }),
    await refused('a FIFO', { name: 'fifo', type: 'fifo' }),
    {
      what: 'setuid, setgid and sticky bits',
      archive: await tarOf([{ name: 'suid', mode: 0o7755, content: '#!/bin/sh\nid -u\n' }]),
    },
    await refused(
      'a file in the place of a folder',
      { name: 'd/x', content: 'x' },
      { name: 'd', content: 'x' },
    ),
    await refused('a path through a file', { name: 'f', content: 'x' }, { name: 'f/x', content: 'x' }),
    { what: 'a gzip bomb', archive: gzipSync(bomb), code: 'FILE_TOO_LARGE' },
    { what: 'a zstd bomb', archive: zstdCompressSync(bomb), code: 'FILE_TOO_LARGE' },
    { what: 'a size of 1 TiB', archive: lying(valid), code: 'ARCHIVE_INVALID' },
    { what: 'a wrong checksum', archive: corrupt, code: 'ARCHIVE_INVALID' },
    { what: 'an archive cut off', archive: valid.subarray(0, 2000), code: 'ARCHIVE_INVALID' },
    { what: 'gzip cut off', archive: gzipSync(valid).subarray(0, 40), code: 'ARCHIVE_INVALID' },
    { what: 'no archive', archive: Buffer.from('x'.repeat(4096)), code: 'ARCHIVE_INVALID' },
    { what: 'an empty body', archive: Buffer.alloc(0), code: 'ARCHIVE_INVALID' },
  ];
}

/** The same archive, whose first header claims 1 TiB. */
function lying(archive: Buffer): Buffer<ArrayBuffer> {
  const copy = Buffer.from(archive);
  // Base 256, as for sizes beyond 8 GiB (GNU tar); then the checksum anew (POSIX pax, ustar header).
  copy.fill(0, 124, 136);
  copy[124] = 0x80;
  copy.writeUIntBE(2 ** 40, 130, 6);
  copy.fill(' ', 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return copy;
}
