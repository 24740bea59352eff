import type { IncomingMessage, ServerResponse } from 'node:http';
import { ARCHIVE_FORMATS, type ArchiveFormat } from './archive/archive-programs.ts';
import { packArchive, packFolder } from './archive/pack.ts';
import { unpackArchive } from './archive/unpack.ts';
import { changeMode, makeDirectory, movePath } from './change-path.ts';
import { listDirectory, MAX_ENTRIES, statEntry } from './entries.ts';
import { FileError } from './file-error.ts';
import { filePath } from './file-path.ts';
import type { PendingFiles } from './pending-files.ts';
import { booleanOf, countOf, modeOf, textOf } from './query.ts';
import { fileHead, readFile } from './read-file.ts';
import { removePath } from './remove-path.ts';
import { Ripgrep } from './ripgrep.ts';
import { findFiles, findText } from './search.ts';
import { WatchBudget } from './watch-budget.ts';
import { watchPath } from './watch-path.ts';
import { writeFile } from './write-file.ts';

const DEFAULT_MATCHES = 1000;

export interface FileServerOptions {
  workspace: string;
  pending: PendingFiles;
}

/** A request for a file operation; `path` is absolute. */
export interface FileRequest {
  path: string;
  query: URLSearchParams;
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborts when the caller goes away. */
  signal: AbortSignal;
}

/** Resolves to what is answered as JSON, or to undefined when it has answered itself. */
export type FileOperation = (request: FileRequest) => Promise<object | undefined>;

/** All that the worker can do, by method and path. */
export function createOperations({ workspace, pending }: FileServerOptions): Map<string, FileOperation> {
  const ripgrep = new Ripgrep();
  const budget = new WatchBudget();
  return new Map<string, FileOperation>([
    [
      'GET /files/read',
      async ({ path, request, response }) => {
        await readFile(path, request, response);
        return undefined;
      },
    ],
    ['GET /files/head', ({ path }) => fileHead(path)],
    [
      'PUT /files/write',
      async ({ path, query, request }) => {
        const maxBytes = countOf(query, 'maxBytes', { fallback: Infinity, max: Number.MAX_SAFE_INTEGER });
        return { path, ...(await writeFile(path, request, { pending, mode: modeOf(query), maxBytes })) };
      },
    ],
    [
      'GET /files/list',
      ({ path, query }) =>
        listDirectory(path, {
          limit: countOf(query, 'limit', { fallback: MAX_ENTRIES, max: MAX_ENTRIES }),
          after: query.get('cursor') ?? '',
        }),
    ],
    ['GET /files/stat', ({ path, query }) => statEntry(path, booleanOf(query, 'follow', false))],
    [
      'POST /files/mkdir',
      async ({ path, query }) => ({ path, ...(await makeDirectory(path, modeOf(query))) }),
    ],
    [
      'POST /files/move',
      async ({ path, query, signal }) => {
        const to = filePath(query, workspace, 'to');
        await movePath({ path, to, workspace, overwrite: booleanOf(query, 'overwrite', false) }, signal);
        return { path: to };
      },
    ],
    [
      'POST /files/chmod',
      async ({ path, query, signal }) => {
        const mode = modeOf(query);
        if (mode === undefined) throw new FileError(400, 'INVALID_FIELD', 'mode: is needed, such as 0755');
        await changeMode(path, { mode, recursive: booleanOf(query, 'recursive', false) }, signal);
        return { path };
      },
    ],
    [
      'DELETE /files',
      async ({ path, query }) => {
        await removePath(path, booleanOf(query, 'recursive', false), workspace);
        return { path };
      },
    ],
    ...searches(ripgrep),
    [
      'GET /files/watch',
      async ({ path, query, response }) => {
        const recursive = booleanOf(query, 'recursive', false);
        await watchPath(path, { budget, recursive }, response);
        return undefined;
      },
    ],
    ...archives(pending),
  ]);
}

function searches(ripgrep: Ripgrep): [string, FileOperation][] {
  const where = ({ path, query, signal }: FileRequest) => ({
    path,
    signal,
    limit: countOf(query, 'limit', { fallback: DEFAULT_MATCHES, max: MAX_ENTRIES }),
  });
  return [
    [
      'GET /files/glob',
      (request) => findFiles(ripgrep, { ...where(request), pattern: textOf(request.query, 'pattern') }),
    ],
    [
      'GET /files/grep',
      (request) => {
        const { query } = request;
        return findText(ripgrep, {
          ...where(request),
          query: {
            pattern: textOf(query, 'pattern'),
            fixed: booleanOf(query, 'fixed', false),
            ignoreCase: booleanOf(query, 'ignoreCase', false),
            hidden: booleanOf(query, 'hidden', false),
            ignored: booleanOf(query, 'ignored', false),
            include: query.has('include') ? textOf(query, 'include') : null,
          },
        });
      },
    ],
  ];
}

function archives(pending: PendingFiles): [string, FileOperation][] {
  return [
    [
      'POST /files/upload',
      async ({ path, query, request }) => {
        const maxBytes = countOf(query, 'maxBytes', { fallback: Infinity, max: Number.MAX_SAFE_INTEGER });
        return { path, ...(await unpackArchive(path, request, { pending, maxBytes })) };
      },
    ],
    [
      'GET /files/download',
      async ({ path, query, response }) => {
        await packArchive(path, { ...packing(query), from: 'inside' }, response);
        return undefined;
      },
    ],
    [
      'GET /files/archive',
      async ({ path, query, response }) => {
        await packFolder(path, packing(query), response);
        return undefined;
      },
    ],
  ];
}

function packing(query: URLSearchParams): { format: ArchiveFormat; skipUnreadable: boolean } {
  const wanted = query.get('format') ?? 'tar';
  const format = ARCHIVE_FORMATS.find((name) => name === wanted);
  if (!format)
    throw new FileError(400, 'INVALID_FIELD', `format: must be one of ${ARCHIVE_FORMATS.join(', ')}`);
  return { format, skipUnreadable: booleanOf(query, 'skipUnreadable', false) };
}
