import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BoxRequest, BoxRoute } from '../../http/route.ts';

/** What the routes need of the service. */
export interface ProfileRoutesTarget {
  loadProfile(content: Readable): Promise<void>;
  saveProfile(close: boolean): Promise<{ path: string; size: number }>;
}

export function profileRoutes(service: ProfileRoutesTarget): BoxRoute[] {
  return [
    {
      method: 'PUT',
      path: '/browser/profile',
      async handle(request) {
        await service.loadProfile(request.raw);
        return { ok: true };
      },
    },
    { method: 'GET', path: '/browser/profile', handle: (request) => send(service, request) },
  ];
}

async function send(service: ProfileRoutesTarget, { url, response, signal }: BoxRequest): Promise<undefined> {
  const { path, size } = await service.saveProfile(url.searchParams.get('close') === 'true');
  try {
    response.writeHead(200, { 'content-type': 'application/zstd', 'content-length': size });
    await pipeline(createReadStream(path, { end: size - 1 }), response, { signal });
  } finally {
    await rm(path, { force: true });
  }
  return undefined;
}
