import {
  ApiError,
  HANDOFF_VALUES_KEPT_MS,
  MAX_HANDOFF_VALUE,
  normalizeCapabilities,
  type HandoffDeliver,
  type HandoffField,
} from '@banata/protocol';
import { boxSecretsReplySchema, type BoxSecrets } from '@banata/protocol/box';
import type { Boxes } from '../../boxes/boxes.ts';
import type { HandoffRow } from '../../database/tables/agent.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import { storableText } from '../../stores/text.ts';
import { followUpTaskId } from './follow-up.ts';

/** Typing several fields into a page that is slow. */
const DELIVER_TIMEOUT_MS = 8_000;

/** A request's form as it is kept. */
export interface FieldsWanted {
  fields: HandoffField[] | null;
  deliver: HandoffDeliver | null;
}

/**
 * Checks that the values of a form can be delivered in this sandbox.
 * @throws {ApiError} BROWSER_NOT_ENABLED, AGENT_NOT_ENABLED, NOT_SUPPORTED.
 */
export function fieldsFor(
  { capabilities }: Pick<SandboxRow, 'capabilities'>,
  asked: { fields?: HandoffField[] | undefined; deliver?: HandoffDeliver | undefined },
  defaultDeliver: HandoffDeliver,
): FieldsWanted {
  if (asked.fields === undefined) {
    if (asked.deliver !== undefined) throw new ApiError('INVALID_REQUEST', 'deliver needs fields.');
    return { fields: null, deliver: null };
  }
  const { browser, agent } = normalizeCapabilities(capabilities);
  const deliver = asked.deliver ?? defaultDeliver;
  if (browser.mode === 'none') throw new ApiError('BROWSER_NOT_ENABLED');
  if (browser.mode !== 'local-chromium')
    throw new ApiError('NOT_SUPPORTED', 'A form needs the sandbox’s own browser: use mode "local-chromium".');
  if (deliver === 'placeholder' && !agent.enabled) throw new ApiError('AGENT_NOT_ENABLED');
  return { fields: asked.fields.map(storable), deliver };
}

/** The same for what a box sent, which is taken over as far as it can be. */
export function fieldsFromBox(asked: {
  fields?: HandoffField[] | undefined;
  deliver?: HandoffDeliver | undefined;
}): FieldsWanted {
  if (asked.fields === undefined) return { fields: null, deliver: null };
  return { fields: asked.fields.map(storable), deliver: asked.deliver ?? 'placeholder' };
}

function storable({ label, selector, ...field }: HandoffField): HandoffField {
  return {
    ...field,
    label: storableText(label),
    ...(selector === undefined ? {} : { selector: storableText(selector) }),
  };
}

/**
 * Puts the values of a form beside its fields. No error repeats a value, since errors are logged.
 * @throws {ApiError} HANDOFF_FIELDS_INVALID.
 */
export function entriesOf({ fields }: Pick<HandoffRow, 'fields'>, values: unknown): BoxSecrets['entries'] {
  const refuse = (reason: string): never => {
    throw new ApiError('HANDOFF_FIELDS_INVALID', reason);
  };
  if (fields === null) return refuse('The request has no form; complete it without values.');
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    return refuse('"values" must be an object with an entry for each field.');
  const unknown =
    Object.keys(values).length - fields.filter(({ name }) => Object.hasOwn(values, name)).length;
  if (unknown > 0) return refuse(`"values" has ${unknown} entries that no field is named for.`);
  return fields.map((field) => {
    const value = (values as Record<string, unknown>)[field.name];
    if (typeof value !== 'string' || value === '' || value.length > MAX_HANDOFF_VALUE)
      return refuse(`The value of "${field.name}" must be a text of 1 to ${MAX_HANDOFF_VALUE} characters.`);
    return { ...field, value };
  });
}

/**
 * Hands the values of a form to the box, which types them or keeps them for placeholders. They pass through the server
 * in memory only.
 * @throws {ApiError} FIELD_NOT_FOUND, BROWSER_NOT_READY.
 */
export async function deliverSecrets(
  boxes: Boxes,
  sandbox: SandboxRow,
  { row, entries }: { row: HandoffRow; entries: BoxSecrets['entries'] },
): Promise<void> {
  const body: BoxSecrets = {
    deliver: row.deliver ?? 'type',
    entries,
    taskId: followUpTaskId(row.id),
    keepMs: HANDOFF_VALUES_KEPT_MS,
  };
  await boxes.json(sandbox, boxSecretsReplySchema, {
    method: 'PUT',
    path: `/browser/secrets/${row.id}`,
    json: body,
    timeoutMs: DELIVER_TIMEOUT_MS,
  });
}
