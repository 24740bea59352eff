import type { BoxExecResult } from '@banata/protocol/box';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHostBox, type HostBox } from '../testing/host-box.ts';

let box: HostBox;

beforeAll(async () => {
  box = await startHostBox();
});

afterAll(async () => {
  await box.close();
});

async function code(language: string, text: string, timeoutMs = 10_000): Promise<BoxExecResult> {
  const { status, body } = await box.send('POST', '/code', { language, code: text, timeoutMs });
  expect(status).toBe(200);
  return body as unknown as BoxExecResult;
}

describe('POST /code', () => {
  test('runs bash and python in the workspace', async () => {
    expect(await code('bash', 'pwd; exit 3')).toMatchObject({
      stdout: `${box.environment.workspace}\n`,
      exitCode: 3,
    });
    await code('bash', 'echo "answer = 42" > helper.py');
    expect(await code('python', 'import helper, os\nprint(helper.answer, os.getcwd())')).toMatchObject({
      stdout: `42 ${box.environment.workspace}\n`,
      exitCode: 0,
    });
    const failed = await code('python', 'def f():\n  raise ValueError("no")\nf()');
    expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('raise ValueError("no")') });
  });

  test('removes what it wrote, also when the code timed out', async () => {
    expect(await code('bash', 'sleep 100', 200)).toMatchObject({ timedOut: true });
    expect(await readdir(join(box.environment.runDir, 'code'))).toEqual([]);
  });

  test('refuses a language it does not know', async () => {
    const { status, body } = await box.send('POST', '/code', {
      language: 'cobol',
      code: '',
      timeoutMs: 1000,
    });
    expect(status).toBe(400);
    expect(body['error']).toMatch(/^language: .*javascript/);
  });
});
