import type { ColumnType } from 'kysely';

/** A JSON column that may be NULL. */
export type NullableJson<T> = ColumnType<T | null, string | null, string | null>;
