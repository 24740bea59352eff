import { init, parse } from 'es-module-lexer';

/** Name of the function that imports on behalf of a context's code. */
export const IMPORT_NAME = '__banataImport';

/**
 * Turns the import declarations and `import()` calls of a snippet into calls of {@link IMPORT_NAME}: a console takes
 * neither declarations nor, without a loader of its own, dynamic imports. Declared names become constants.
 */
export async function rewriteImports(code: string): Promise<string> {
  await init;
  let found;
  try {
    [found] = parse(code);
  } catch {
    // Code that does not parse is for the interpreter to complain about.
    return code;
  }
  let rewritten = '';
  let position = 0;
  for (const { ss, se, s, e, d, n } of found) {
    if (d === -2) continue;
    rewritten += code.slice(position, ss);
    if (d >= 0) {
      // `import` alone is replaced; its arguments may hold further calls.
      rewritten += IMPORT_NAME;
      position = ss + 'import'.length;
    } else {
      rewritten += declaration(code.slice(ss, s - 1), n ?? code.slice(s, e), code.slice(e + 1, se));
      position = se;
    }
  }
  return rewritten + code.slice(position);
}

/** One declaration: `head` is the text up to the module's name, `tail` what follows it (`with { … }`). */
function declaration(head: string, name: string, tail: string): string {
  const attributes = /with\s*(\{[\s\S]*\})/.exec(tail)?.[1];
  const options = attributes ? `, { with: ${attributes} }` : '';
  const loading = `await ${IMPORT_NAME}(${JSON.stringify(name)}${options})`;
  const clause = head
    .replace(/^import\b/, '')
    .replace(/\bfrom\s*$/, '')
    .trim();
  if (clause === '') return loading;
  const star = /\*\s*as\s+([\w$]+)/.exec(clause)?.[1];
  const names = /\{([\s\S]*)\}/.exec(clause)?.[1];
  const byDefault = /^([\w$]+)/.exec(clause)?.[1];
  const parts = [
    ...(byDefault ? [`default: ${byDefault}`] : []),
    ...(names ?? '')
      .split(',')
      .map((part) => part.trim().replace(/\s+as\s+/, ': '))
      .filter((part) => part !== ''),
  ];
  if (star === undefined) return `const { ${parts.join(', ')} } = ${loading}`;
  return `const ${star} = ${loading}${byDefault ? `, { default: ${byDefault} } = ${star}` : ''}`;
}
