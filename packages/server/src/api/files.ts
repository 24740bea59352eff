import { contract, fsWriteSchema } from '@banata/protocol';
import { fileWatchEvents } from '@banata/protocol/box';
import type { Hono } from 'hono';
import { posix } from 'node:path';
import { toStreamError } from '../boxes/stream-error.ts';
import type { FileOperations } from '../services/file-operations.ts';
import { contentRangeOf, type FilePlace, type FileTransfers } from '../services/file-transfers.ts';
import type { FileService } from '../services/files.ts';
import { relayEvents } from './box-sse.ts';
import { attachment, fileResponse, headResponse, passedConditions } from './file-response.ts';
import { decodeContent } from './decode-content.ts';
import { isRaw, type ApiContext, type ApiEnv, type Mount } from './mount.ts';
import { parseInput } from './parse.ts';

const rawQuerySchema = fsWriteSchema.pick({ id: true, path: true });
/** How long a browser need not ask again whether it may. */
const PREFLIGHT_SECONDS = '600';

/** Signed links carry all the right there is, and no cookie counts: any page may use them. */
const CROSS_ORIGIN = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Length, Content-Range, Accept-Ranges, ETag, Content-Disposition',
  'cross-origin-resource-policy': 'cross-origin',
};
const PREFLIGHT = {
  ...CROSS_ORIGIN,
  'access-control-allow-methods': 'GET, HEAD, PUT',
  'access-control-allow-headers': 'Content-Type, Range, If-Range, If-None-Match',
  'access-control-max-age': PREFLIGHT_SECONDS,
};

export interface FileRoutesDeps {
  files: FileService;
  fileOperations: FileOperations;
  fileTransfers: FileTransfers;
}

export function mountFiles(app: Hono<ApiEnv>, mount: Mount, deps: FileRoutesDeps): void {
  mountContents(mount, deps);
  mountOperations(mount, deps);
  mountTransfers(mount, deps);
  mountLinks(app, mount, deps);
}

function mountContents(mount: Mount, { files, fileTransfers: transfers }: FileRoutesDeps): void {
  const { fsRead, fsWrite, fsList } = contract.work;

  mount.route(fsRead, async ({ caller, query, signal, context }) => {
    if (query.format === 'json') return files.read(caller, query, signal);
    return serve(transfers, await transfers.place(caller, query), { context, signal });
  });

  mount.route(fsWrite, async ({ caller, body, context, signal }) => {
    if (!isRaw(fsWrite, context)) {
      const { id, path, content, encoding } = body;
      return files.write(caller, id, { path, content: decodeContent(content, encoding) }, signal);
    }
    const place = await transfers.place(caller, parseInput(rawQuerySchema, context.req.query()));
    return transfers.write(place, { body: context.env.incoming }, signal);
  });

  mount.route(fsList, ({ caller, query }) => files.list(caller, query));
}

function mountOperations(mount: Mount, { fileOperations: operations }: FileRoutesDeps): void {
  const { fsStat, fsMkdir, fsMove, fsRemove, fsChmod, fsGlob, fsGrep, fsWatch } = contract.files;
  mount.route(fsStat, ({ caller, query, signal }) => operations.stat(caller, query, signal));
  mount.route(fsMkdir, ({ caller, body, signal }) => operations.mkdir(caller, body, signal));
  mount.route(fsMove, ({ caller, body, signal }) => operations.move(caller, body, signal));
  mount.route(fsRemove, ({ caller, body, signal }) => operations.remove(caller, body, signal));
  mount.route(fsChmod, ({ caller, body, signal }) => operations.chmod(caller, body, signal));
  mount.route(fsGlob, ({ caller, query, signal }) => operations.glob(caller, query, signal));
  mount.route(fsGrep, ({ caller, query, signal }) => operations.grep(caller, query, signal));
  mount.route(fsWatch, async ({ caller, query, signal }) =>
    relayEvents(await operations.watch(caller, query, signal), {
      events: fileWatchEvents,
      last: 'end',
      toError: toStreamError,
    }),
  );
}

function mountTransfers(mount: Mount, { fileTransfers: transfers }: FileRoutesDeps): void {
  const { fsGetFile, fsPutFile, fsUpload, fsDownload, fsSign } = contract.files;

  mount.route(fsGetFile, async ({ caller, query, context, signal }) =>
    serve(transfers, await transfers.place(caller, query), { context, signal }),
  );

  mount.route(fsPutFile, async ({ caller, query, context, signal }) => {
    const place = await transfers.place(caller, query);
    return transfers.write(place, { body: context.env.incoming, mode: query.mode }, signal);
  });

  mount.route(fsUpload, async ({ caller, query, context, signal }) => {
    const place = await transfers.place(caller, query);
    return transfers.upload(place, { body: context.env.incoming, maxBytes: query.maxBytes }, signal);
  });

  mount.route(fsDownload, async ({ caller, query, context, signal }) => {
    const place = await transfers.place(caller, query);
    if (context.req.method === 'HEAD') return new Response(null);
    const name = `${posix.basename(posix.resolve('/workspace', query.path)) || 'root'}.${query.format}`;
    const reply = await transfers.download(place, query, signal);
    return fileResponse(context, reply, { ...attachment(name), 'content-type': ARCHIVE_TYPES[query.format] });
  });

  mount.route(fsSign, ({ caller, body }) => transfers.sign(caller, body));
}

const ARCHIVE_TYPES = {
  tar: 'application/x-tar',
  'tar.gz': 'application/gzip',
  'tar.zst': 'application/zstd',
  zip: 'application/zip',
};

function mountLinks(app: Hono<ApiEnv>, mount: Mount, { fileTransfers: transfers }: FileRoutesDeps): void {
  const { linkGetFile, linkPutFile } = contract.files;
  app.options(linkGetFile.path, () => new Response(null, { status: 204, headers: PREFLIGHT }));
  // On refusals too: a page may read those only with them.
  app.use(linkGetFile.path, async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(CROSS_ORIGIN)) context.header(name, value);
  });

  mount.route(linkGetFile, async ({ query, context, signal }) =>
    serve(transfers, await transfers.linked(query.token, 'read'), { context, signal, more: CROSS_ORIGIN }),
  );

  mount.route(linkPutFile, async ({ query, context, signal, audit }) => {
    const { maxBytes, ...place } = await transfers.linked(query.token, 'write');
    audit.concerns(place.row.organization_id, { id: place.row.id, path: place.path });
    return transfers.write(place, { body: context.env.incoming, maxBytes }, signal);
  });
}

/** A file as the request asks for it: all of it, a part, or its head. */
async function serve(
  transfers: FileTransfers,
  place: FilePlace,
  { context, signal, more = {} }: { context: ApiContext; signal: AbortSignal; more?: Record<string, string> },
): Promise<Response> {
  const headers = { ...attachment(posix.basename(place.path)), ...more };
  if (context.req.method === 'HEAD') return headResponse(await transfers.head(place, signal), headers);
  try {
    const reply = await transfers.read(place, passedConditions(context), signal);
    return fileResponse(context, reply, headers);
  } catch (error) {
    const range = contentRangeOf(error);
    if (range !== undefined) context.header('content-range', range);
    throw error;
  }
}
