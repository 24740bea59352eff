import { describe, expect, test } from 'vitest';
import {
  killTargets,
  listProcesses,
  parseStat,
  processesOf,
  selectStrays,
  selectTree,
  type ProcessInfo,
} from './process-tree.ts';

const info = (pid: number, parent: number, rest: Partial<ProcessInfo> = {}): ProcessInfo => ({
  pid,
  parent,
  group: pid,
  session: pid,
  state: 'S',
  ...rest,
});

describe('parseStat', () => {
  test('is not led astray by the name of a program', () => {
    expect(parseStat('42 (a) R 1 ) (b) S 7 40 41 0 -1')).toEqual({
      pid: 42,
      parent: 7,
      group: 40,
      session: 41,
      state: 'S',
    });
  });

  test.each(['', 'x', '12 (cut'])('takes no %j', (line) => {
    expect(parseStat(line)).toBeUndefined();
  });
});

describe('selectTree', () => {
  const processes = [
    info(1, 0),
    info(100, 50),
    info(101, 100),
    // Left by its parent, but in the session.
    info(102, 1, { session: 100 }),
    // A session of its own and no parent left: known by its mark, and its child by its parent.
    info(200, 1),
    info(201, 200),
    info(103, 1, { group: 100, state: 'Z' }),
    info(300, 1),
  ];

  test('finds descendants, session and group, and what is marked', () => {
    expect(selectTree(processes, 100, new Set([200])).toSorted((a, b) => a - b)).toEqual([
      100, 101, 102, 200, 201,
    ]);
  });

  test('finds by the mark alone', () => {
    expect(selectTree(processes, undefined, new Set([200])).toSorted((a, b) => a - b)).toEqual([200, 201]);
  });

  test('never takes PID 1 or the caller', () => {
    const all = [...processes, info(process.pid, 100)];
    expect(selectTree(all, 100, new Set([1])).includes(1)).toBe(false);
    expect(selectTree(all, 100, new Set()).includes(process.pid)).toBe(false);
  });
});

test('killTargets takes a group only when all of it is meant', () => {
  const processes = [
    info(10, 1),
    info(11, 10, { group: 10 }),
    info(20, 1, { group: 5 }),
    info(21, 1, { group: 5 }),
    info(30, 1),
    info(31, 30, { group: 30, state: 'Z' }),
    info(40, 1, { group: 1 }),
  ];
  expect(killTargets(processes, [10, 11, 20, 30, 40])).toEqual([-30, -10, 20, 40]);
});

test('selectStrays leaves what descends from the keeper', () => {
  const processes = [
    info(1, 0),
    info(50, 1),
    info(51, 50),
    info(52, 51),
    info(60, 1),
    info(61, 60, { state: 'Z' }),
    // A loop, as two looks at a changing tree can show.
    info(70, 71),
    info(71, 70),
  ];
  expect(selectStrays(processes, new Set([1, 50, 52, 60, 61, 70]), 50)).toEqual([60, 70]);
});

test('processesOf tells by user', () => {
  const own = [info(process.pid, 1), info(2 ** 30, 1)];
  expect(processesOf(own, new Set([process.getuid?.() ?? -1]))).toEqual(new Set([process.pid]));
  expect(processesOf(own, new Set([12_345]))).toEqual(new Set());
});

test('listProcesses sees the test itself', () => {
  const own = listProcesses().find(({ pid }) => pid === process.pid);
  expect(own?.parent).toBe(process.ppid);
});
