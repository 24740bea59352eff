import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuseBody } from '../../http/refuse-body.ts';
import { FileError, fromSystemError } from './file-error.ts';
import { createOperations, type FileServerOptions } from './operations.ts';
import { filePath } from './file-path.ts';

/** Creates the HTTP server of the file worker. It does what it is asked with the rights of its process. */
export function createFileServer(options: FileServerOptions): Server {
  const operations = createOperations(options);
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  server.on('request', (request, response) => {
    void answer(request, response, { operations, workspace: options.workspace });
  });
  return server;
}

interface Context {
  operations: ReturnType<typeof createOperations>;
  workspace: string;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { operations, workspace }: Context,
): Promise<void> {
  const url = new URL(request.url ?? '', 'http://files');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let path = '';
  try {
    path = filePath(url.searchParams, workspace);
    const route = `${request.method} ${url.pathname}`;
    const operation = operations.get(route);
    if (!operation) throw new FileError(404, 'ROUTE_NOT_FOUND', `No route for ${route}`);
    const query = url.searchParams;
    const result = await operation({ path, query, request, response, signal: gone.signal });
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

function send(response: ServerResponse, status: number, json: Buffer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': json.length });
  response.end(json);
}
