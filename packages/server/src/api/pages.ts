import { openApiDocument } from '@banata/protocol';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono, MiddlewareHandler } from 'hono';
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
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; font-src 'self'; base-uri 'none'; form-action 'self'";

const policies = {
  page: `${PAGE_POLICY}; frame-ancestors 'none'`,
  // Swagger UI writes style attributes.
  docs: `${PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")}; frame-ancestors 'none'`,
  // Products put the viewer into pages of their own; its link is all the access it gives.
  viewer: PAGE_POLICY,
};

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
  app.use('/docs/*', pageHeaders('docs'));
  app.get('/docs', pageHeaders('docs'), (context) => context.html(DOCS_PAGE));
  app.get('/docs/start.js', (context) =>
    context.body(DOCS_SCRIPT, 200, { 'content-type': 'text/javascript' }),
  );
  app.get(
    '/docs/assets/*',
    serveStatic({ root: swaggerDir, rewriteRequestPath: (path) => path.replace('/docs/assets', '') }),
  );
  app.get('/', pageHeaders('page'), serveStatic({ root: webDir, path: 'index.html' }));
  app.get('/view', pageHeaders('viewer'), serveStatic({ root: webDir, path: 'view.html' }));
  app.get('/assets/*', async (context, next) => {
    await next();
    // Their names carry their content's hash.
    if (context.res.ok) context.header('cache-control', 'public, max-age=31536000, immutable');
  });
  app.get('/assets/*', serveStatic({ root: webDir }));
}

function pageHeaders(policy: keyof typeof policies): MiddlewareHandler {
  return async (context, next) => {
    await next();
    context.header('content-security-policy', policies[policy]);
    context.header('x-content-type-options', 'nosniff');
    context.header('referrer-policy', 'no-referrer');
  };
}
