import type { Identity, Scope } from '@banata/protocol';

/** Whether the person may do what needs the scope. No scopes set is everything. */
export function may({ scopes }: Pick<Identity, 'scopes'>, scope: Scope): boolean {
  return scopes === null || scopes.includes(scope);
}
