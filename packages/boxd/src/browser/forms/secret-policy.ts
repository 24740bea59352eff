import type { CdpClientKind, CdpRefusal, CdpRewrite } from '../cdp-policy.ts';
import type { SecretVault } from './secret-vault.ts';

/** The one call by which the browser tools enter a text as a whole. */
const TYPES = 'Input.insertText';

/** Why the agent may not type a text: it holds a placeholder that stands for nothing. */
export function refusePlaceholder(
  vault: SecretVault,
  kind: CdpClientKind,
  method: string,
  { text }: Record<string, unknown>,
): CdpRefusal | undefined {
  if (kind !== 'agent' || method !== TYPES || typeof text !== 'string') return undefined;
  const unknown = vault.unknownIn(text);
  if (unknown === undefined) return undefined;
  const message = `SECRET_UNKNOWN: ${unknown} stands for nothing now: what people enter can be used until the task that asked is done, for an hour at most. Ask again with banata-request-handoff --field.`;
  return { code: -32000, message };
}

/** Puts values in place of placeholders as the agent types. */
export function typePlaceholders(vault: SecretVault): CdpRewrite {
  return (method, params, kind) => {
    const { text } = params;
    if (kind !== 'agent' || method !== TYPES || typeof text !== 'string') return params;
    return { ...params, text: vault.fill(text) };
  };
}
