import type { BoxEventBody } from '@banata/protocol/box';
import fc from 'fast-check';
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Journal } from './journal.ts';

let parent: string;
let count = 0;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'banata-journal-'));
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

const freshDirectory = (): string => join(parent, String((count += 1)));

const reason = (text: string): BoxEventBody => ({ type: 'browser.failed', data: { reason: text } });

const delta = (text: string): BoxEventBody => ({
  type: 'agent.text.delta',
  data: { sessionId: 's', taskId: null, messageId: 'm', partId: 'p', text },
});

async function readAll(journal: Journal, after = 0): Promise<{ cursor: number; text: string }[]> {
  const reader = journal.read(after);
  const found: { cursor: number; text: string }[] = [];
  try {
    for (;;) {
      const lines = await reader.next();
      if (lines.length === 0) return found;
      for (const { cursor, json } of lines) {
        const entry = JSON.parse(json) as {
          cursor: number;
          body: { data: { reason?: string; text?: string } };
        };
        expect(entry.cursor).toBe(cursor);
        found.push({ cursor, text: entry.body.data.reason ?? entry.body.data.text ?? '' });
      }
    }
  } finally {
    await reader.close();
  }
}

async function opened(
  directory: string,
  sizes: { segmentBytes?: number; totalBytes?: number } = {},
): Promise<Journal> {
  const journal = new Journal({ directory, ...sizes });
  await journal.open();
  return journal;
}

describe('Journal', () => {
  test('numbers entries without a gap over restarts, and reads them back from any cursor', async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ text: fc.string({ unit: 'grapheme' }), isDelta: fc.boolean() }) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(40), async (steps, from) => {
        const directory = freshDirectory();
        const written: string[] = [];
        let journal = await opened(directory, { segmentBytes: 500 });
        const pending: Promise<void>[] = [];
        for (const action of steps) {
          if (action === 'restart') {
            await Promise.all(pending.splice(0));
            await journal.close();
            journal = await opened(directory, { segmentBytes: 500 });
          } else {
            written.push(action.text);
            pending.push(journal.append(action.isDelta ? delta(action.text) : reason(action.text)));
          }
        }
        await Promise.all(pending);
        const after = Math.min(from, written.length);
        const expected = written.map((text, index) => ({ cursor: index + 1, text })).slice(after);
        expect(await readAll(journal, after)).toEqual(expected);
        expect(journal.lastCursor).toBe(written.length);
        await journal.close();
      }),
      { numRuns: 60 },
    );
  });

  test('cuts off what a crash left at the end, wherever it tore', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string(), { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('cut', 'zeros', 'garbage'),
        async (texts, where, damage) => {
          const directory = freshDirectory();
          const journal = await opened(directory);
          for (const text of texts) await journal.append(reason(text));
          await journal.close();
          const path = join(directory, (await readdir(directory))[0] ?? '');
          const content = await readFile(path);
          const cut = Math.floor(where * content.length);
          await truncate(path, cut);
          if (damage === 'zeros') await appendFile(path, Buffer.alloc(50));
          if (damage === 'garbage') await appendFile(path, '{"cursor":1,"at":\n{}\n');

          const whole = content.subarray(0, cut).toString().split('\n').length - 1;
          const again = await opened(directory);
          const kept = texts.slice(0, whole).map((text, index) => ({ cursor: index + 1, text }));
          expect(await readAll(again)).toEqual(kept);
          await again.append(reason('next'));
          expect(await readAll(again)).toEqual([...kept, { cursor: whole + 1, text: 'next' }]);
          await again.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('drops the oldest entries and says so to a reader that needs them', async () => {
    const directory = freshDirectory();
    const journal = await opened(directory, { segmentBytes: 1000, totalBytes: 4000 });
    const slow = journal.read(0);
    await journal.append(reason('first'));
    expect((await slow.next()).map(({ cursor }) => cursor)).toEqual([1]);
    for (let index = 0; index < 100; index++) await journal.append(reason('x'.repeat(200)));
    const bytes = await Promise.all(
      (await readdir(directory)).map(async (name) => (await readFile(join(directory, name))).length),
    );
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(6000);
    await expect(readAll(journal, 0)).rejects.toMatchObject({ status: 410, code: 'CURSOR_TOO_OLD' });
    // The slow reader holds the file it was in, reads that to its end, and then learns of the gap.
    const drain = async (): Promise<void> => {
      while ((await slow.next()).length > 0);
    };
    await expect(drain()).rejects.toMatchObject({ code: 'CURSOR_TOO_OLD' });
    await slow.close();
    const rest = await readAll(journal, journal.firstCursor - 1);
    expect(rest.at(-1)?.cursor).toBe(101);
    await journal.close();
    const again = await opened(directory);
    expect(again.lastCursor).toBe(101);
    await again.close();
  });

  test('refuses a cursor it never reached', async () => {
    const journal = await opened(freshDirectory());
    await expect(readAll(journal, 5)).rejects.toMatchObject({ status: 410, code: 'CURSOR_AHEAD' });
    await journal.close();
  });

  test('lets a reader see an entry only once append resolved or is about to', async () => {
    const journal = await opened(freshDirectory());
    const reader = journal.read(0);
    const appended = journal.append(reason('a'));
    expect(await reader.next()).toEqual([]);
    await appended;
    expect(await reader.next()).toHaveLength(1);
    await reader.close();
    await journal.close();
  });

  test('refuses an entry that is too long and goes on', async () => {
    const journal = await opened(freshDirectory());
    await expect(journal.append(reason('x'.repeat(5 * 1024 * 1024)))).rejects.toThrow(RangeError);
    await journal.append(reason('short'));
    expect(await readAll(journal)).toEqual([{ cursor: 1, text: 'short' }]);
    await journal.close();
  });

  test('ignores files that are not its own', async () => {
    const directory = freshDirectory();
    const journal = await opened(directory);
    await journal.append(reason('a'));
    await journal.close();
    await writeFile(join(directory, 'zzz'), 'x');
    const again = await opened(directory);
    expect(await readAll(again)).toEqual([{ cursor: 1, text: 'a' }]);
    await again.close();
  });
});
