import { expect, test } from 'vitest';
import { familiesOf, type Candidate } from './process-families.ts';

function candidate(pid: number, parent: number, threads = 1): Candidate {
  return { pid, parent, threads, group: pid, session: pid, state: 'S', name: `p${pid}`, memoryBytes: 0 };
}

const DAEMON = 7;

test('puts together what descends from one process, and all strays', () => {
  const families = familiesOf([
    candidate(10, DAEMON),
    candidate(11, 10),
    candidate(12, 11),
    candidate(20, DAEMON, 9),
    candidate(30, 1),
    candidate(31, 30),
    candidate(40, 1, 3),
  ]);
  expect(
    families.map(({ strays, threads, members }) => [strays, threads, members.map(({ pid }) => pid)]),
  ).toEqual([
    [false, 9, [20]],
    [true, 5, [30, 31, 40]],
    [false, 3, [10, 11, 12]],
  ]);
});

test('ends where the list holds a loop', () => {
  expect(familiesOf([candidate(10, 11), candidate(11, 10)]).flatMap(({ members }) => members)).toHaveLength(
    2,
  );
});
