import type { AgentTask } from '@banata/protocol';
import type { TaskRow } from '../../database/schema.ts';

/** A task as the API and its events show it. */
export function toTask(row: TaskRow): AgentTask {
  return {
    taskId: row.id,
    sandboxId: row.sandbox_id,
    status: row.status,
    prompt: row.prompt,
    agent: row.agent,
    sessionId: row.session_id,
    metadata: row.metadata,
    model: row.model,
    files: row.files,
    resultText: row.result_text,
    structured: row.structured,
    filesChanged: row.files_changed,
    report: row.report,
    skillId: row.skill_id,
    replay: row.replay,
    error: row.error,
    usage: row.usage,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
