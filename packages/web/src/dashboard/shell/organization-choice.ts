import { BanataError } from '@banata-boxes/sdk';

/** The organizations a sign-in asks to choose from; undefined for every other error. */
export function organizationChoice(error: unknown): { id: string; name: string }[] | undefined {
  if (!(error instanceof BanataError) || error.code !== 'CONFLICT') return undefined;
  const { organizations } = error.details;
  if (!Array.isArray(organizations)) return undefined;
  const choice = organizations.filter(isOrganization);
  return choice.length > 0 ? choice : undefined;
}

function isOrganization(value: unknown): value is { id: string; name: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name } = value as Record<string, unknown>;
  return typeof id === 'string' && typeof name === 'string';
}
