import type { Identity } from '@banata/protocol';
import { createContext, useContext } from 'react';
import type { Server } from './connect.ts';

/** The server, and who it takes the person for. */
export interface SignedInServer extends Server {
  identity: Identity;
}

export const ServerContext = createContext<SignedInServer | null>(null);

/** The server with the login of this page. */
export function useServer(): SignedInServer {
  const server = useContext(ServerContext);
  if (!server) throw new Error('useServer needs a ServerContext around it');
  return server;
}
