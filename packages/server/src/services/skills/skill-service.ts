import {
  ApiError,
  newId,
  normalizeCapabilities,
  type AgentTask,
  type createSkillSchema,
  type runSkillSchema,
  type Skill,
} from '@banata/protocol';
import type { BrowserStep } from '@banata/protocol/box';
import type { z } from 'zod';
import type { NewSkillRow, SkillRow } from '../../database/tables/agent.ts';
import type { SkillStore } from '../../stores/skill-store.ts';
import { storableJson, storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import type { AgentService } from '../agent/agent-service.ts';
import type { Reservation } from '../limits/idempotency.ts';
import { fillTemplate, makeTemplate } from './skill-template.ts';

/** Skills of one organization at most. */
const MAX_SKILLS = 1000;
const MAX_DESCRIPTION = 2000;

export interface SkillServiceDeps {
  store: SkillStore;
  agent: AgentService;
  now: () => number;
}

/** What was recorded of a task. */
interface Recorded {
  steps: BrowserStep[];
  recipe: string;
  description: string;
  source: NonNullable<Skill['source']>;
}

/** Saved skills, and running them as tasks. */
export class SkillService {
  readonly #deps: SkillServiceDeps;

  constructor(deps: SkillServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} SKILL_EXISTS, SKILL_LIMIT_REACHED; INVALID_REQUEST without a report or a recipe. */
  async create(caller: Caller, input: z.output<typeof createSkillSchema>): Promise<Skill> {
    const recorded = await this.#recorded(caller, input);
    const recipe = input.recipe ?? recorded?.recipe;
    if (recipe === undefined) {
      throw new ApiError(
        'INVALID_REQUEST',
        'recipe: give one, or sandboxId and taskId of a task with a report',
      );
    }
    const row = this.#rowOf(caller, input, { ...recorded, recipe });
    const inserted = await this.#deps.store.insert(row, MAX_SKILLS);
    if (inserted === 'exists') throw new ApiError('SKILL_EXISTS');
    if (inserted === 'full') {
      throw new ApiError('SKILL_LIMIT_REACHED', `The organization has ${MAX_SKILLS} skills, its most.`, {
        details: { limit: MAX_SKILLS },
      });
    }
    return toSkill(inserted);
  }

  async get(caller: Caller, id: string): Promise<Skill> {
    return toSkill(await this.#find(caller, id));
  }

  async list(
    caller: Caller,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<{ data: Skill[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#deps.store.list(caller.organizationId, options);
    return { data: rows.map(toSkill), nextCursor };
  }

  async delete(caller: Caller, id: string): Promise<void> {
    if (!(await this.#deps.store.delete(caller.organizationId, id))) throw new ApiError('SKILL_NOT_FOUND');
  }

  /** Queues a task that does the skill's steps. @throws {ApiError} INVALID_REQUEST for inputs that do not fit. */
  async run(
    caller: Caller,
    input: z.output<typeof runSkillSchema>,
    reservation?: Reservation,
  ): Promise<AgentTask> {
    const sandbox = await this.#deps.agent.requireAgent(caller, input.id);
    const skill = await this.#find(caller, input.skillId);
    const values = valuesOf(skill, input.inputs ?? {});
    const secretNames = skill.inputs.filter(({ secret }) => secret).map(({ name }) => name);
    const secrets = Object.fromEntries(secretNames.map((name) => [name, values[name] ?? '']));
    const { steps, recipe } = fillTemplate(skill, values, new Set(secretNames));
    const { id, model, metadata, budget, timeoutMs } = input;
    const common = { id, metadata, budget, timeoutMs, noReply: false };
    if (steps.length === 0) {
      const filled = fillTemplate(skill, values, new Set());
      const prompt = `Follow this recipe:\n\n${filled.recipe}`;
      return this.#deps.agent.runSkill(
        caller,
        { ...common, prompt },
        { skillId: skill.id, model, reservation },
      );
    }
    if (normalizeCapabilities(sandbox.capabilities).browser.mode === 'none') {
      throw new ApiError('BROWSER_NOT_ENABLED');
    }
    const replay = { name: skill.name, recipe, secrets, steps, recordedTokens: skill.source?.tokens ?? 0 };
    const prompt = `Run the skill ${skill.name}`;
    const about = { skillId: skill.id, model, reservation, replay };
    return this.#deps.agent.runSkill(caller, { ...common, prompt }, about);
  }

  #rowOf(
    caller: Caller,
    input: z.output<typeof createSkillSchema>,
    { steps = [], recipe, description = '', source }: Partial<Recorded> & { recipe: string },
  ): NewSkillRow {
    const template = makeTemplate({ steps, recipe }, input.inputs ?? {});
    return {
      id: newId(),
      organization_id: caller.organizationId,
      name: input.name,
      description: storableText(input.description ?? description).slice(0, MAX_DESCRIPTION),
      site: input.site ?? siteOf(steps),
      recipe: storableText(template.recipe),
      steps: storableJson(template.steps),
      inputs: storableJson(template.inputs),
      source: source === undefined ? null : storableJson(source),
      created_at: this.#deps.now(),
    };
  }

  async #find(caller: Caller, id: string): Promise<SkillRow> {
    const row = await this.#deps.store.find(caller.organizationId, id);
    if (!row) throw new ApiError('SKILL_NOT_FOUND');
    return row;
  }

  async #recorded(
    caller: Caller,
    { sandboxId, taskId }: { sandboxId?: string | undefined; taskId?: string | undefined },
  ): Promise<Recorded | null> {
    if (sandboxId === undefined && taskId === undefined) return null;
    if (sandboxId === undefined || taskId === undefined) {
      throw new ApiError('INVALID_REQUEST', 'sandboxId and taskId: give both, or none of them');
    }
    const { report, usage } = await this.#deps.agent.task(caller, sandboxId, taskId);
    if (report === null) {
      throw new ApiError(
        'INVALID_REQUEST',
        'taskId: the task has no report yet; it gets one when it completes',
      );
    }
    return {
      steps: report.steps ?? [],
      recipe: report.report,
      description: report.result,
      source: { sandboxId, taskId, tokens: usage.inputTokens + usage.outputTokens },
    };
  }
}

function valuesOf(skill: SkillRow, given: Readonly<Record<string, string>>): Record<string, string> {
  const known = skill.inputs.map(({ name }) => name);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const message = `inputs: the skill has no ${unknown.join(', ')}; it has ${known.join(', ') || 'none'}`;
    throw new ApiError('INVALID_REQUEST', message);
  }
  const values = Object.fromEntries(
    skill.inputs.map((input) => [input.name, given[input.name] ?? input.default] as const),
  );
  const missing = known.filter((name) => values[name] === null);
  if (missing.length > 0) {
    throw new ApiError(
      'INVALID_REQUEST',
      `inputs: the skill needs ${missing.join(', ')}, which have no defaults`,
    );
  }
  return values as Record<string, string>;
}

function siteOf(steps: BrowserStep[]): string | null {
  const url = steps.find(({ action }) => action === 'navigate')?.value ?? '';
  return URL.canParse(url) ? new URL(url).origin : null;
}

function toSkill(row: SkillRow): Skill {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    site: row.site,
    recipe: row.recipe,
    steps: row.steps,
    inputs: row.inputs,
    source: row.source,
    createdAt: row.created_at,
  };
}
