import { QueryClient } from '@tanstack/react-query';

/** Questions to the server, made anew by the pages themselves: no hidden retries, and also when the machine is offline, since the server may be local. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: false, networkMode: 'always', refetchOnWindowFocus: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
