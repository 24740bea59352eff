import { z } from 'zod';
import { agentMessagePartSchema, taskReportSchema } from '../box/agent.ts';
import { agentPermissionSchema, agentQuestionSchema, permissionAnswerSchema } from '../box/agent-asks.ts';
import { agentTaskSchema } from '../schemas/agent.ts';
import { artifactSchema } from '../schemas/artifacts.ts';
import { restoredContentsSchema } from '../schemas/checkpoints.ts';
import { defineEvent } from './define-event.ts';

const reason = z.object({ reason: z.string() });
const session = { sessionId: z.string(), taskId: z.string().nullable() };
const sessionExample = { sessionId: 'ses_61f0c2', taskId: '4m0yl8o3q9d7c5b2a1x6z4w8v0u3t5s7' };

const queuedTask: z.input<typeof agentTaskSchema> = {
  taskId: '4m0yl8o3q9d7c5b2a1x6z4w8v0u3t5s7',
  sandboxId: 'k82g51hl3on646lel50o9f162t92xu7z',
  status: 'queued',
  prompt: 'Open example.com and save a summary to /workspace/report.md',
  agent: 'build',
  sessionId: null,
  metadata: { userId: 'user_123', jobId: 'job-42' },
  model: null,
  files: [],
  resultText: null,
  structured: null,
  filesChanged: [],
  report: null,
  skillId: null,
  replay: null,
  error: null,
  usage: { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 0, byModel: {} },
  createdAt: 1_775_044_800_000,
  startedAt: null,
  finishedAt: null,
};
const runningTask = {
  ...queuedTask,
  status: 'running' as const,
  sessionId: sessionExample.sessionId,
  startedAt: 1_775_044_800_200,
};
const endedTask = {
  ...runningTask,
  filesChanged: ['/workspace/report.md'],
  usage: {
    inputTokens: 5200,
    outputTokens: 610,
    costUsd: 0.012,
    modelCalls: 4,
    byModel: { 'acme/main-1': { inputTokens: 5200, outputTokens: 610, costUsd: 0.012, modelCalls: 4 } },
  },
  finishedAt: 1_775_044_841_000,
};

/** The agent and its tasks. */
export const agentEvents = {
  'sandbox.agent.ready': defineEvent({
    schema: z.object({ version: z.string() }),
    gloss: 'The agent takes prompts.',
    example: { version: '1.18.33' },
  }),
  'sandbox.agent.failed': defineEvent({
    schema: reason,
    gloss: 'The agent could not be started, or broke.',
    example: { reason: 'The agent did not answer within 60 s.' },
  }),
  'sandbox.agent.task.queued': defineEvent({
    schema: agentTaskSchema,
    gloss: 'A task was accepted and waits for its turn.',
    example: queuedTask,
  }),
  'sandbox.agent.task.running': defineEvent({
    schema: agentTaskSchema,
    gloss: 'The agent works on a task.',
    example: runningTask,
  }),
  'sandbox.agent.task.waiting_for_human': defineEvent({
    schema: agentTaskSchema,
    gloss: 'A task is parked until a person has done their part.',
    example: { ...runningTask, status: 'waiting_for_human' },
  }),
  'sandbox.agent.task.completed': defineEvent({
    schema: agentTaskSchema,
    gloss: 'A task came to its end; `metadata` is what the task was given.',
    example: { ...endedTask, status: 'completed', resultText: 'The summary is in /workspace/report.md.' },
  }),
  'sandbox.agent.task.failed': defineEvent({
    schema: agentTaskSchema,
    gloss: 'A task could not be done.',
    example: {
      ...endedTask,
      status: 'failed',
      error: { code: 'TASK_TIMEOUT', message: 'The task took longer than its 1800000 ms.' },
    },
  }),
  'sandbox.agent.task.cancelled': defineEvent({
    schema: agentTaskSchema,
    gloss: 'A task was cancelled.',
    example: { ...endedTask, status: 'cancelled' },
  }),
  'sandbox.agent.budget.exceeded': defineEvent({
    schema: z.object({
      taskId: z.string(),
      code: z.enum(['BUDGET_EXCEEDED', 'COST_UNKNOWN']),
      message: z.string(),
      usage: agentTaskSchema.shape.usage,
    }),
    gloss: 'A task was ended, since a budget is used up: its own, or its organization’s of the day.',
    example: {
      taskId: '4m0yl8o3q9d7c5b2a1x6z4w8v0u3t5s7',
      code: 'BUDGET_EXCEEDED',
      message: 'BUDGET_EXCEEDED: the task used 20 model requests, all that its budget allows',
      usage: endedTask.usage,
    },
  }),
  'sandbox.agent.task.report': defineEvent({
    schema: z.object({ taskId: z.string().nullable(), report: taskReportSchema }),
    gloss: 'The agent handed in a completion report.',
    example: {
      taskId: sessionExample.taskId,
      report: {
        result: 'Summary written',
        report: '1. Open example.com 2. Read the page 3. Write report.md',
        url: 'https://example.com/',
        stepsCompleted: 3,
        completedAt: 1_775_044_840_000,
      },
    },
  }),
  'sandbox.agent.text.delta': defineEvent({
    schema: z.object({ ...session, messageId: z.string(), partId: z.string(), text: z.string() }),
    gloss: 'The agent wrote the next bit of text.',
    example: { ...sessionExample, messageId: 'msg_1', partId: 'prt_1', text: 'The page says' },
    rate: 'high',
  }),
  'sandbox.agent.part': defineEvent({
    schema: z.object({ ...session, messageId: z.string(), part: agentMessagePartSchema }),
    gloss: 'A part of a message (a text, a thought, a use of a tool) is new or has changed.',
    example: {
      ...sessionExample,
      messageId: 'msg_1',
      part: { type: 'text', id: 'prt_1', text: 'The page says that …' },
    },
    rate: 'high',
  }),
  'sandbox.agent.status': defineEvent({
    schema: z.object({ ...session, status: z.string(), message: z.string().nullable() }),
    gloss: 'The state of an agent session has changed.',
    example: { ...sessionExample, status: 'busy', message: null },
    rate: 'high',
  }),
  'sandbox.agent.todo': defineEvent({
    schema: z.object({ ...session, todos: z.array(z.object({ content: z.string(), status: z.string() })) }),
    gloss: 'The agent’s own list of what to do has changed.',
    example: { ...sessionExample, todos: [{ content: 'Write the summary', status: 'in_progress' }] },
  }),
  'sandbox.agent.permission.requested': defineEvent({
    schema: agentPermissionSchema.extend({ taskId: z.string().nullable() }),
    gloss: 'The agent asks whether it may use a tool.',
    example: {
      ...sessionExample,
      permissionId: 'per_1',
      tool: 'bash',
      title: 'npm publish',
      patterns: ['npm publish'],
    },
  }),
  'sandbox.agent.permission.answered': defineEvent({
    schema: z.object({ ...session, permissionId: z.string(), answer: permissionAnswerSchema }),
    gloss: 'Whether the agent may use a tool was decided.',
    example: { ...sessionExample, permissionId: 'per_1', answer: 'once' },
  }),
  'sandbox.agent.question.asked': defineEvent({
    schema: agentQuestionSchema.extend({ taskId: z.string().nullable() }),
    gloss: 'The agent asks a person something and waits.',
    example: {
      ...sessionExample,
      questionId: 'que_1',
      questions: [
        {
          question: 'Which colour?',
          header: 'Colour',
          options: [{ label: 'Blue', description: 'As the logo' }],
          multiple: false,
        },
      ],
    },
  }),
  'sandbox.agent.question.answered': defineEvent({
    schema: z.object({
      ...session,
      questionId: z.string(),
      answers: z.array(z.array(z.string())).nullable().describe('Null: a person refused to answer.'),
    }),
    gloss: 'A question of the agent was answered.',
    example: { ...sessionExample, questionId: 'que_1', answers: [['Blue']] },
  }),
};

const checkpointId = z.string();

/** Durable outputs. */
export const outputEvents = {
  'sandbox.checkpoint.created': defineEvent({
    schema: z.object({ checkpointId, name: z.string().nullable(), size: z.number() }),
    gloss: 'A checkpoint is whole and can be restored.',
    example: { checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x', name: 'before upgrade', size: 1_048_576 },
  }),
  'sandbox.checkpoint.stored': defineEvent({
    schema: z.object({ checkpointId, storedSize: z.number(), sha256: z.string() }),
    gloss: 'A checkpoint is in the object store and outlives the disk of the server.',
    example: {
      checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x',
      storedSize: 318_204,
      sha256: '0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f',
    },
  }),
  'sandbox.checkpoint.failed': defineEvent({
    schema: z.object({
      checkpointId,
      step: z.enum(['create', 'restore']),
      reason: z.string(),
    }),
    gloss: 'A checkpoint could not be made, or not be restored; the sandbox goes on as it was.',
    example: {
      checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x',
      step: 'create',
      reason: 'The pool of box disks is nearly full.',
    },
  }),
  'sandbox.checkpoint.deleted': defineEvent({
    schema: z.object({ checkpointId, cause: z.enum(['request', 'count', 'age']) }),
    gloss: 'A checkpoint was deleted by request, or as one too many or too old.',
    example: { checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x', cause: 'count' },
  }),
  'sandbox.checkpoint.restoring': defineEvent({
    schema: z.object({ checkpointId }),
    gloss: 'The processes of the sandbox end, and it begins anew with what the checkpoint holds.',
    example: { checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x' },
  }),
  'sandbox.checkpoint.restored': defineEvent({
    schema: z.object({ checkpointId, contents: restoredContentsSchema }),
    gloss:
      'The files of the sandbox are what the checkpoint holds; where its image is gone, those of /workspace alone.',
    example: { checkpointId: '7c1l0b9d4f2h6k8m3n5p1q7r9s2t4v6x', contents: 'all' },
  }),
  'sandbox.document.converted': defineEvent({
    schema: z.object({ source: z.string(), outputs: z.array(z.string()), format: z.string() }),
    gloss: 'A document was converted.',
    example: { source: '/workspace/report.html', outputs: ['/workspace/report.pdf'], format: 'pdf' },
  }),
  'sandbox.artifacts.updated': defineEvent({
    schema: z.object({
      change: z.enum(['published', 'stored', 'failed', 'deleted']),
      artifact: artifactSchema,
    }),
    gloss:
      'An artifact was kept or replaced (`published`), reached the object store (`stored`), was lost on its way there with the server’s disk (`failed`), or was deleted.',
    example: {
      change: 'published',
      artifact: {
        sandboxId: 'k82g51hl3on646lel50o9f162t92xu7z',
        organizationId: '3c1r7a0b9d5f2h8k4m6n1p3q9s7t2v5x',
        state: 'stored',
        key: 'customer-a/job-42/report.md',
        name: 'report.md',
        kind: 'file',
        size: 1830,
        contentType: 'text/markdown',
        sha256: '0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f',
        source: '/workspace/report.md',
        createdAt: 1_775_044_841_500,
      },
    },
  }),
};
