import { openApiDocument } from '@banata/protocol';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono } from 'hono';
import type { ApiEnv } from './mount.ts';

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Banata API</title><link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
`;
const DOCS_SCRIPT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true });\n`;

/** Everything of these pages comes from this origin; pictures may be inline data. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

export interface PagesOptions {
  version: string;
  publicUrl: () => string;
  /** Folder of the built dashboard and viewer. */
  webDir: string;
  /** Folder of swagger-ui-dist. */
  swaggerDir: string;
}

/** The OpenAPI document, its browser, the dashboard and the viewer page. */
export function mountPages(
  app: Hono<ApiEnv>,
  { version, publicUrl, webDir, swaggerDir }: PagesOptions,
): void {
  app.get('/openapi.json', (context) => context.json(openApiDocument({ version, serverUrl: publicUrl() })));
  app.use('/docs/*', pagePolicy);
  app.get('/docs', pagePolicy, (context) => context.html(DOCS_PAGE));
  app.get('/docs/start.js', (context) =>
    context.body(DOCS_SCRIPT, 200, { 'content-type': 'text/javascript' }),
  );
  app.get(
    '/docs/assets/*',
    serveStatic({ root: swaggerDir, rewriteRequestPath: (path) => path.replace('/docs/assets', '') }),
  );
  app.get('/', pagePolicy, serveStatic({ root: webDir, path: 'index.html' }));
  app.get('/view', pagePolicy, serveStatic({ root: webDir, path: 'view.html' }));
  app.get('/assets/*', serveStatic({ root: webDir }));
}

async function pagePolicy(
  context: { header: (name: string, value: string) => void },
  next: () => Promise<void>,
): Promise<void> {
  await next();
  context.header('content-security-policy', PAGE_POLICY);
  context.header('x-content-type-options', 'nosniff');
  context.header('referrer-policy', 'no-referrer');
}
