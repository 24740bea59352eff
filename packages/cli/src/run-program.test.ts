import { expect, test } from 'vitest';
import { runProgram } from './run-program.ts';

const signal = new AbortController().signal;
const shell = (script: string, more: object = {}): Parameters<typeof runProgram> => [
  'sh',
  { args: ['-c', script], signal, timeoutMs: 10_000, onLine: () => undefined, ...more },
];

test('answers exit code and the last lines of both streams', async () => {
  const lines: string[] = [];
  const result = await runProgram(
    ...shell('seq 40; echo oops >&2; printf end; exit 3', { onLine: (line: string) => lines.push(line) }),
  );
  expect(result.exitCode).toBe(3);
  expect(result.tail).toHaveLength(15);
  expect(lines).toHaveLength(42);
  expect(lines).toContain('end');
});

test('ends what takes too long, and says so', async () => {
  await expect(runProgram(...shell('exec sleep 60', { timeoutMs: 100 }))).rejects.toThrow(
    'did not end within',
  );
});

test('kills what ignores being asked', async () => {
  const began = performance.now();
  await expect(
    runProgram(...shell('trap "" TERM; while :; do sleep 0.1; done', { timeoutMs: 100, killAfterMs: 100 })),
  ).rejects.toThrow();
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('an abort ends the program and rejects with its reason', async () => {
  const stop = new AbortController();
  const running = runProgram(
    ...shell('echo up; exec sleep 60', {
      signal: stop.signal,
      onLine: () => stop.abort(new Error('enough')),
    }),
  );
  await expect(running).rejects.toThrow('enough');
});

test('a program that is not there is named', async () => {
  await expect(runProgram('no-such-program', { args: [], signal, timeoutMs: 1_000 })).rejects.toThrow(
    'Cannot run no-such-program',
  );
});
