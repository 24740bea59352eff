import type { BoxModel } from '@banata/protocol/box';

/** A provider's wire format. */
export type ModelProvider = BoxModel['provider'];

/** Where the gateway sends the model calls of one provider. */
export type ModelUpstream =
  | {
      kind: 'http';
      baseUrl: string;
      /** Null: the server needs none, as local ones do. */ apiKey: string | null;
    }
  /** The fixed script that ships with the server. */
  | { kind: 'demo' };

/** What a sandbox may reach through the gateway. Secret: it holds keys. */
export type ModelCredentials = Partial<Record<ModelProvider, ModelUpstream>>;

/** The model the agent uses. Secret: it holds a key. */
export interface ModelAccess {
  provider: ModelProvider;
  upstream: ModelUpstream;
  model: string;
  smallModel: string;
}
