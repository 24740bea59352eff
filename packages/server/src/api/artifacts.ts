import { contract } from '@banata/protocol';
import { Readable } from 'node:stream';
import type { ArtifactService } from '../services/artifacts.ts';
import type { Mount } from './mount.ts';

export function mountArtifacts(mount: Mount, { artifacts }: { artifacts: ArtifactService }): void {
  const routes = contract.artifacts;

  mount.route(routes.listArtifacts, ({ caller, query: { id, prefix, limit, cursor } }) =>
    artifacts.list(caller, id, { prefix, limit, cursor }),
  );

  mount.route(routes.publishArtifact, ({ caller, body: { id, path, name }, signal }) =>
    artifacts.publish(caller, id, { path, name }, signal),
  );

  mount.route(routes.artifactDownloadLink, ({ caller, query }) =>
    artifacts.link(caller, query.id, query.key),
  );

  mount.route(routes.downloadArtifact, async ({ query, context }) => {
    const { artifact, read } = await artifacts.open(query.token);
    const range = parseRange(context.req.header('range'), artifact.size);
    const headers = {
      'content-type': artifact.contentType,
      // Contents come from sandboxes: downloaded, never rendered as a page of this origin.
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(artifact.name)}`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    };
    if (range === 'unsatisfiable') {
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${artifact.size}` } });
    }
    const length = range ? range.end - range.start + 1 : artifact.size;
    const body = artifact.size === 0 ? null : (Readable.toWeb(read(range)) as ReadableStream);
    return new Response(body, {
      status: range ? 206 : 200,
      headers: {
        ...headers,
        'content-length': String(length),
        ...(range ? { 'content-range': `bytes ${range.start}-${range.end}/${artifact.size}` } : {}),
      },
    });
  });
}

/**
 * A single byte range (RFC 9110, 14.1.2), both ends inclusive. Undefined where the header is absent, or asks for
 * something else than one range of bytes: the whole content is then the right answer.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end || start >= size ? 'unsatisfiable' : { start, end };
}
