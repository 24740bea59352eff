import { expect, test } from 'vitest';
import { CpuPlaces } from './cpu-places.ts';

test('gives a box as many CPUs as it may use, and all where it may use more than there are', () => {
  const places = new CpuPlaces([0, 1, 2, 3]);
  expect(places.place('a', 1)).toBe('0');
  expect(places.place('b', 1.5)).toBe('1,2');
  expect(places.place('c', 8)).toBe('0,1,2,3');
  expect(new CpuPlaces([]).place('a', 1)).toBe('');
});

test('two boxes share a CPU only when none is free', () => {
  const places = new CpuPlaces([0, 1, 2]);
  expect(['a', 'b', 'c'].map((name) => places.place(name, 1))).toEqual(['0', '1', '2']);
  places.release('b');
  expect(places.place('d', 1)).toBe('1');
  expect(places.place('e', 2)).toBe('0,1');
  expect(places.place('f', 1)).toBe('2');
});

test('a box keeps its CPUs, until it may use another number of them', () => {
  const places = new CpuPlaces([0, 1]);
  expect(places.place('a', 1)).toBe('0');
  expect(places.place('b', 1)).toBe('1');
  expect(places.place('b', 1)).toBe('1');
  places.release('a');
  expect(places.place('b', 2)).toBe('0,1');
});

test('boxes of a run before count', () => {
  const places = new CpuPlaces([0, 1]);
  places.adopt('a', [0]);
  expect(places.place('b', 1)).toBe('1');
});
