/** The server refused to dial a host that a tenant named. */
export class OutboundBlockedError extends Error {
  /** Host as it was given. */
  readonly host: string;
  /** Why, such as `127.0.0.1 is loopback`. */
  readonly reason: string;

  constructor(host: string, reason: string) {
    super(
      `The server does not connect to ${host.slice(0, 260)}: ${reason}. Allowed are http and https on the public internet, ` +
        'and the private host:port pairs that the operator listed.',
    );
    this.name = 'OutboundBlockedError';
    this.host = host;
    this.reason = reason;
  }
}
