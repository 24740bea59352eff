import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuseBody } from '../../http/refuse-body.ts';
import { archiveFolder } from './archive-folder.ts';
import { listDirectory, statEntry } from './entries.ts';
import { FileError, fromSystemError } from './file-error.ts';
import { filePath } from './file-path.ts';
import type { PendingFiles } from './pending-files.ts';
import { readFile } from './read-file.ts';
import { removePath } from './remove-path.ts';
import { writeFile } from './write-file.ts';

export interface FileServerOptions {
  workspace: string;
  pending: PendingFiles;
}

/** Creates the HTTP server of the file worker. It does what it is asked with the rights of its process. */
export function createFileServer(options: FileServerOptions): Server {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  server.on('request', (request, response) => void answer(request, response, options));
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: FileServerOptions,
): Promise<void> {
  const url = new URL(request.url ?? '', 'http://files');
  let path = '';
  try {
    path = filePath(url.searchParams, options.workspace);
    const result = await perform(
      `${request.method} ${url.pathname}`,
      { path, url, request, response },
      options,
    );
    if (result) send(response, 200, Buffer.from(JSON.stringify(result)));
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, code, message } =
      error instanceof FileError
        ? error
        : (fromSystemError(error, path) ?? {
            status: 500,
            code: 'INTERNAL',
            message: `The file operation failed: ${String(error)}`,
          });
    const body = Buffer.from(JSON.stringify({ error: message, code }));
    if (request.complete) send(response, status, body);
    else refuseBody(request, response, status, body);
  }
}

interface Operation {
  path: string;
  url: URL;
  request: IncomingMessage;
  response: ServerResponse;
}

async function perform(
  route: string,
  operation: Operation,
  options: FileServerOptions,
): Promise<object | undefined> {
  const { path, url, request, response } = operation;
  switch (route) {
    case 'GET /files/read':
      await readFile(path, response);
      return undefined;
    case 'PUT /files/write':
      return { path, ...(await writeFile(path, request, options.pending)) };
    case 'GET /files/archive':
      await archiveFolder(path, url.searchParams.get('format'), response);
      return undefined;
    case 'GET /files/list':
      return await listDirectory(path);
    case 'GET /files/stat':
      return await statEntry(path);
    case 'DELETE /files':
      await removePath(path, url.searchParams.get('recursive') === 'true', options.workspace);
      return { path };
    default:
      throw new FileError(404, 'ROUTE_NOT_FOUND', `No route for ${route}`);
  }
}

function send(response: ServerResponse, status: number, json: Buffer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': json.length });
  response.end(json);
}
