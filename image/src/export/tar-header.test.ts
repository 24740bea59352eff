import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeTarHeader, tarEnd, type TarHeader, tarPadding } from './tar-header.ts';

const folder = mkdtempSync(join(tmpdir(), 'banata-tar-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plain: TarHeader = {
  name: 'a',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1_700_000_000,
};

function listing(headers: { header: TarHeader; content?: Buffer }[]): string[] {
  const archive = join(folder, 'test.tar');
  const parts = headers.flatMap(({ header, content }) =>
    content ? [encodeTarHeader(header), content, tarPadding(content.length)] : [encodeTarHeader(header)],
  );
  writeFileSync(archive, Buffer.concat([...parts, tarEnd()]));
  const args = ['--numeric-owner', '--full-time', '--utc', '--quoting-style=literal', '-tvf', archive];
  return execFileSync('tar', args, { env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' } })
    .toString()
    .trimEnd()
    .split('\n');
}

describe('encodeTarHeader', () => {
  it('is read by tar: type, mode, owner, size and links', () => {
    const content = Buffer.from('hello');
    const lines = listing([
      { header: { ...plain, name: 'dir/', type: 'directory', mode: 0o1777 } },
      { header: { ...plain, name: 'dir/f', size: 5, uid: 1000, gid: 900, mode: 0o4755 }, content },
      { header: { ...plain, name: 'dir/l', type: 'symlink', mode: 0o777, linkName: '../x' } },
      { header: { ...plain, name: 'dir/h', type: 'hardlink', linkName: 'dir/f' } },
      { header: { ...plain, name: 'null', type: 'char', device: { major: 1, minor: 3 } } },
    ]);
    expect(lines.map((line) => line.replaceAll(/\s+/g, ' '))).toEqual([
      'drwxrwxrwt 0/0 0 2023-11-14 22:13:20 dir/',
      '-rwsr-xr-x 1000/900 5 2023-11-14 22:13:20 dir/f',
      'lrwxrwxrwx 0/0 0 2023-11-14 22:13:20 dir/l -> ../x',
      'hrw-r--r-- 0/0 0 2023-11-14 22:13:20 dir/h link to dir/f',
      'crw-r--r-- 0/0 1,3 2023-11-14 22:13:20 null',
    ]);
  });

  it('keeps any name, however long, and large owner numbers', () => {
    const character = fc.constantFrom('a', 'b', '/', 'é', '漢', ' ', '-');
    const name = fc
      .string({ unit: character, minLength: 1, maxLength: 300 })
      .filter((text) => !/^[/\s-]|[/\s]$|\/\//.test(text));
    fc.assert(
      fc.property(name, fc.integer({ min: 0, max: 4_000_000_000 }), (text, uid) => {
        const [line] = listing([{ header: { ...plain, name: text, uid } }]);
        expect(line?.endsWith(` ${text}`)).toBe(true);
        expect(line).toContain(` ${uid}/0 `);
      }),
      { numRuns: 40 },
    );
  });

  it('carries extended attributes, binary ones too', () => {
    const value = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const bytes = encodeTarHeader({ ...plain, xattrs: new Map([['security.capability', value]]) });
    const at = bytes.indexOf('SCHILY.xattr.security.capability=');
    expect(bytes.subarray(at + 33, at + 33 + value.length)).toEqual(value);
    expect(bytes.length % 512).toBe(0);
  });
});
