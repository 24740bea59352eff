import { expect, test } from 'vitest';

import { diskUsage, staleLimits } from './pool.ts';

test('finds the limits of subvolumes that are gone', () => {
  const limits = [
    'Qgroupid    Referenced    Exclusive   Path ',
    '--------    ----------    ---------   ---- ',
    '0/5              16384        16384   <toplevel>',
    '0/276            16384        16384   boxes/d039be6bf65e',
    '0/277                0            0   <stale>',
    '1/100                0            0   ',
  ];
  expect(staleLimits(limits.join('\n'), 'ID 276 gen 9 top level 5 path boxes/d039be6bf65e\n')).toEqual([
    '0/277',
  ]);
});

test('finds what each disk holds', () => {
  const limits = [
    'Qgroupid    Referenced    Exclusive   Path ',
    '--------    ----------    ---------   ---- ',
    '0/5              16384        16384   <toplevel>',
    '0/276         20975616     20975616   boxes/d039be6bf65e',
    '0/277                0            0   <stale>',
  ];
  const subvolumes =
    'ID 276 gen 9 top level 5 path boxes/d039be6bf65e\nID 279 gen 9 top level 5 path boxes/new\n';
  expect([...diskUsage(limits.join('\n'), subvolumes)]).toEqual([['d039be6bf65e', 20_975_616]]);
});
