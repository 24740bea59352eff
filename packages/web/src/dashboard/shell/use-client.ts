import type { BanataSandbox } from '@banata-boxes/sdk';
import { useServer } from './server-context.ts';

/** The client with the login of this page. */
export function useClient(): BanataSandbox {
  return useServer().client;
}
