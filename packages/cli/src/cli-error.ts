/** A failure the user can act on: what happened, and what to do next. */
export class CliError extends Error {
  readonly next: string;

  constructor(what: string, next: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'CliError';
    this.next = next;
  }
}
