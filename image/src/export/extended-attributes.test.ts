import { describe, expect, it } from 'vitest';
import { parseAttributes } from './extended-attributes.ts';

describe('parseAttributes', () => {
  it('finds opaque folders and capabilities among other attributes', () => {
    const found = parseAttributes([
      '# file: etc/opaque',
      'trusted.overlay.opaque=0x79',
      'trusted.overlay.origin=0x00fb',
      '',
      '# file: ./usr/bin/ping',
      'security.capability=0x01000002',
      '',
      '# file: etc/not-opaque',
      'trusted.overlay.opaque=0x78',
    ]);
    expect([...found.opaque]).toEqual(['etc/opaque']);
    expect(found.capabilities).toEqual(new Map([['usr/bin/ping', Buffer.from('01000002', 'hex')]]));
  });

  it('reads the octal escapes of unusual names', () => {
    const found = parseAttributes(['# file: a\\012b\\134c\\303\\251', 'trusted.overlay.opaque=0x79']);
    expect([...found.opaque]).toEqual(['a\nb\\cé']);
  });

  it('refuses what a container image cannot express', () => {
    expect(() => parseAttributes(['# file: x', 'trusted.overlay.redirect=0x2f61'])).toThrow(
      'redirect_dir=off',
    );
  });
});
