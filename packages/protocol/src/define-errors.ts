interface ErrorDefinition {
  status: number;
  /** Text of `error` when the thrower gives none. Documented texts are kept to the letter. */
  message: string;
  /** What the caller can do about it. */
  suggestion: string;
}

/** Keeps the names of the errors as their type. */
export function defineErrors<T extends Record<string, ErrorDefinition>>(definitions: T): T {
  return definitions;
}
