import type { ApiError } from '@banata/protocol';

/** An error as a page for people, in a form that fits on a phone and loads nothing. */
export function errorPage(error: ApiError): string {
  const { error: message, suggestion } = error.toBody();
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(message)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}code{color:#666}</style></head>
<body><h1>${escape(message)}</h1><p>${escape(suggestion)}</p><p><code>${error.code}</code></p></body>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
