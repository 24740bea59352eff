import { expect, test } from 'vitest';
import { SecretVault } from '../../browser/forms/secret-vault.ts';
import type { BrowserService } from '../../services.ts';
import type { OpenCodePart } from '../opencode/schemas.ts';
import { derivedReport } from './derived-report.ts';
import { StepRecorder } from './step-recorder.ts';

type ToolPart = Extract<OpenCodePart, { type: 'tool' }>;

/** A sandbox without a browser: what its page shows is not seen. */
const noBrowser = {
  live: () => Promise.reject(new Error('off')),
  secrets: new SecretVault(),
} as unknown as BrowserService;

function filled(id: number, text: string): ToolPart {
  const part = {
    id: `prt_${id}`,
    sessionID: 'ses_1',
    messageID: 'msg_1',
    type: 'tool',
    tool: 'playwright_browser_type',
    callID: `call_${id}`,
    state: { status: 'completed', input: { target: 'x', text }, output: 'typed' },
  };
  return part as unknown as ToolPart;
}

async function record(count: number, text: string) {
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  const recorder = new StepRecorder({ browser: noBrowser, logger, env: {} });
  for (let index = 0; index < count; index += 1) recorder.see(filled(index, text));
  const recording = await recorder.recording();
  recorder.close();
  return recording;
}

const task = {
  taskId: 't',
  status: 'completed' as const,
  sessionId: null,
  resultText: 'Done',
  structured: null,
  filesChanged: [],
  replay: null,
  error: null,
  heldBack: false,
  usage: { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 1, byModel: {} },
  startedAt: 1,
  finishedAt: 2,
};

test('keeps as many steps as a report holds, whole ones, and says that there were more', async () => {
  const recording = await record(150, 'x'.repeat(20_000));
  expect(recording.isCut).toBe(true);
  expect(recording.steps.length).toBeGreaterThan(20);
  expect(recording.steps.every(({ value }) => value?.length === 16 * 1024)).toBe(true);
  const report = derivedReport(task, recording);
  expect(JSON.stringify(report).length).toBeLessThan(1024 * 1024);
  expect(report.report).toContain('There were further steps');
});

test('keeps all of what is usual', async () => {
  const recording = await record(150, 'blue');
  expect(recording).toMatchObject({ isCut: false });
  expect(recording.steps).toHaveLength(150);
  expect(derivedReport(task, recording).report).not.toContain('There were further steps');
});
