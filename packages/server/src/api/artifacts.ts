import { contract, type Artifact } from '@banata/protocol';
import { byteRange, type ByteRange } from '@banata/protocol/box';
import { Readable } from 'node:stream';
import type { ArtifactService } from '../services/artifacts.ts';
import { attachment } from '../services/artifacts/artifact-view.ts';
import type { Mount } from './mount.ts';

export function mountArtifacts(mount: Mount, { artifacts }: { artifacts: ArtifactService }): void {
  const routes = contract.artifacts;

  mount.route(routes.listArtifacts, ({ caller, query: { id, ...filter } }) =>
    artifacts.list(caller, id, filter),
  );

  mount.route(routes.listOrganizationArtifacts, ({ caller, query }) => artifacts.listAll(caller, query));

  mount.route(routes.publishArtifact, ({ caller, body: { id, ...wanted }, signal }) =>
    artifacts.publish(caller, id, wanted, signal),
  );

  mount.route(routes.deleteArtifact, ({ caller, query: { id, key } }) => artifacts.delete(caller, id, key));

  mount.route(routes.artifactDownloadLink, ({ caller, query }) =>
    artifacts.link(caller, query.id, query.key),
  );

  mount.route(routes.downloadArtifact, async ({ query, context }) => {
    const { artifact, read } = await artifacts.open(query.token);
    return download(context.req.raw, artifact, read);
  });
}

async function download(
  request: Request,
  artifact: Artifact,
  read: (range?: ByteRange) => Promise<Readable>,
): Promise<Response> {
  const etag = `"${artifact.sha256}"`;
  const ifRange = request.headers.get('if-range');
  // A part of another content than the one the client has would break what it puts together.
  const wanted = ifRange === null || ifRange === etag ? request.headers.get('range') : null;
  const range = byteRange(wanted ?? undefined, artifact.size);
  const headers = {
    'content-type': artifact.contentType,
    // Contents come from sandboxes: downloaded, never rendered as a page of this origin.
    'content-disposition': attachment(artifact.name),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-store',
    'accept-ranges': 'bytes',
    etag,
  };
  if (range === 'unsatisfiable') {
    return new Response(null, {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${artifact.size}` },
    });
  }
  const length = range ? range.end - range.start + 1 : artifact.size;
  // Nobody would read, nor end, the content that goes with the head alone.
  const empty = artifact.size === 0 || request.method === 'HEAD';
  return new Response(empty ? null : (Readable.toWeb(await read(range)) as ReadableStream), {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(length),
      ...(range ? { 'content-range': `bytes ${range.start}-${range.end}/${artifact.size}` } : {}),
    },
  });
}
