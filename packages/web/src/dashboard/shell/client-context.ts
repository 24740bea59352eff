import type { BanataSandbox } from '@banata-boxes/sdk';
import { createContext, useContext } from 'react';

export const ClientContext = createContext<BanataSandbox | null>(null);

/** The client with the key of this tab. */
export function useClient(): BanataSandbox {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useClient needs a ClientContext around it');
  return client;
}
