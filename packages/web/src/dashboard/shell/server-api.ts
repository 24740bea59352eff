import { BanataError } from '@banata-boxes/sdk';
import type {
  AcceptInvitation,
  CreateUser,
  Identity,
  InvitedUser,
  SignedIn,
  SignIn,
  User,
} from '@banata/protocol';

const TIMEOUT_MS = 30_000;

export interface ServerApiOptions {
  baseUrl: string;
  apiKey: string;
  fetch: typeof fetch;
}

interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  json?: unknown;
  signal?: AbortSignal | undefined;
}

/** The routes for people: signing in, and the users of the organization. Failures are {@link BanataError}s. */
export class ServerApi {
  readonly #options: ServerApiOptions;

  constructor(options: ServerApiOptions) {
    this.#options = options;
  }

  methods(signal?: AbortSignal): Promise<{ password: true; oidc: boolean }> {
    return this.#call({ method: 'GET', path: '/v1/auth/methods', signal });
  }

  me(signal?: AbortSignal): Promise<Identity> {
    return this.#call({ method: 'GET', path: '/v1/auth/me', signal });
  }

  signIn(json: SignIn): Promise<SignedIn> {
    return this.#call({ method: 'POST', path: '/v1/auth/sign-in', json });
  }

  acceptInvitation(json: AcceptInvitation): Promise<SignedIn> {
    return this.#call({ method: 'POST', path: '/v1/auth/accept-invitation', json });
  }

  signOut(): Promise<{ ok: true }> {
    return this.#call({ method: 'POST', path: '/v1/auth/sign-out', json: {} });
  }

  users(signal?: AbortSignal): Promise<{ data: User[] }> {
    return this.#call({ method: 'GET', path: '/v1/users', signal });
  }

  createUser(json: CreateUser): Promise<InvitedUser> {
    return this.#call({ method: 'POST', path: '/v1/users', json });
  }

  inviteUser(id: string): Promise<InvitedUser> {
    return this.#call({ method: 'POST', path: '/v1/users/invite', json: { id } });
  }

  removeUser(id: string): Promise<User> {
    return this.#call({ method: 'DELETE', path: `/v1/users?id=${encodeURIComponent(id)}` });
  }

  async #call<T>({ method, path, json, signal }: Call): Promise<T> {
    const { baseUrl, apiKey, fetch: send } = this.#options;
    const headers: Record<string, string> = { authorization: `Bearer ${apiKey}` };
    if (json !== undefined) headers['content-type'] = 'application/json';
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    try {
      const response = await send(baseUrl + path, {
        method,
        headers,
        ...body,
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      const value = parseJson(await response.text());
      // The reply is trusted to have the shape of the contract: the server parses its own output.
      if (response.ok && value !== undefined) return value as T;
      throw replyError(response.status, value);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof BanataError) throw error;
      throw noReply(error);
    }
  }
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function replyError(status: number, value: Record<string, unknown> | undefined): BanataError {
  const { error, code, suggestion, ...details } = value ?? {};
  return new BanataError({
    status,
    code: typeof code === 'string' ? code : 'INVALID_RESPONSE',
    message: typeof error === 'string' ? error : `The server answered HTTP ${status} without a reason`,
    suggestion: typeof suggestion === 'string' ? suggestion : 'Try again; see ./banata logs if it stays.',
    details,
  });
}

function noReply(cause: unknown): BanataError {
  const late = cause instanceof DOMException && cause.name === 'TimeoutError';
  return new BanataError({
    status: 0,
    code: late ? 'TIMEOUT' : 'NETWORK_ERROR',
    message: late ? `The server did not answer within ${TIMEOUT_MS / 1000} s` : 'The server does not answer',
    suggestion: 'Check that it runs (./banata status) and that this machine reaches it.',
    cause,
  });
}
