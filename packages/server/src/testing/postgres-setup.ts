import { shareTestPostgres } from './database.ts';

/** Before the tests that need PostgreSQL: starts one that all their files share. Resolves to how to end it. */
export function setup(): Promise<() => Promise<void>> {
  return shareTestPostgres();
}
