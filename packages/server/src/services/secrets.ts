import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { z } from 'zod';

const IV_BYTES = 12;
const TAG_BYTES = 16;

const linkSchema = z.object({
  /** Sandbox. */
  s: z.string(),
  /** Purpose. */
  p: z.enum(['view', 'drive', 'cdp', 'artifact', 'port', 'terminal', 'handoff', 'file-read', 'file-write']),
  /** Artifact key, label of the port preview, terminal session, path of the file, or the viewer link's person. */
  k: z.string().optional(),
  /** Expiry, epoch ms. */
  e: z.number(),
  /** Epoch of the sandbox's browser links it was signed in. */
  n: z.number().optional(),
  /** Most bytes that are taken. */
  m: z.number().optional(),
});

/** What a signed link allows, and until when (epoch ms). */
export interface LinkClaims {
  sandboxId: string;
  purpose: z.infer<typeof linkSchema>['p'];
  key?: string;
  expiresAt: number;
  /** For links to a browser: void once the sandbox has another. */
  epoch?: number;
  maxBytes?: number;
}

/** SHA-256 as hex: how keys and tokens are stored. They are long and random, so no slow hash is needed. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Seals environments at rest and signs links, both by keys derived from the installation's one secret. */
export class Secrets {
  readonly #sealKey: Buffer;
  readonly #linkKey: Buffer;

  /** @param secret at least 32 random bytes. */
  constructor(secret: Buffer) {
    this.#sealKey = Buffer.from(hkdfSync('sha256', secret, '', 'banata seal v1', 32));
    this.#linkKey = Buffer.from(hkdfSync('sha256', secret, '', 'banata links v1', 32));
  }

  /** AES-256-GCM; `context` (such as the sandbox's id) must be the same when opening. */
  seal(plain: string, context: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, iv).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]);
  }

  open(sealed: Buffer, context: string): string {
    const iv = sealed.subarray(0, IV_BYTES);
    const tag = sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  }

  /** A token for a URL: claims and their HMAC, base64url. */
  signLink(claims: LinkClaims): string {
    const { sandboxId: s, purpose: p, key: k, expiresAt: e, epoch: n, maxBytes: m } = claims;
    const body = Buffer.from(JSON.stringify({ s, p, k, e, n, m })).toString('base64url');
    return `${body}.${this.#mac(body).toString('base64url')}`;
  }

  /** The claims of a token, or undefined when it was not signed here or has expired. */
  verifyLink(token: string, now: number): LinkClaims | undefined {
    const [body, mac, ...rest] = token.split('.');
    if (!body || !mac || rest.length > 0) return undefined;
    const given = Buffer.from(mac, 'base64url');
    const wanted = this.#mac(body);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    const claims = linkSchema.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
    if (claims.e <= now) return undefined;
    return {
      sandboxId: claims.s,
      purpose: claims.p,
      expiresAt: claims.e,
      ...(claims.k === undefined ? {} : { key: claims.k }),
      ...(claims.n === undefined ? {} : { epoch: claims.n }),
      ...(claims.m === undefined ? {} : { maxBytes: claims.m }),
    };
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#linkKey).update(body).digest();
  }
}
