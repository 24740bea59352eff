export type EnvResult = { ok: true; env: Record<string, string> } | { ok: false; error: string };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function unquote(value: string): string {
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(value);
  return quoted ? (quoted[1] ?? quoted[2] ?? '') : value;
}

/** Reads lines of `NAME=value` as an .env file has them; empty lines and lines with `#` first are passed over. */
export function parseEnv(text: string): EnvResult {
  const env: Record<string, string> = {};
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim().replace(/^export\s+/, '');
    if (!line || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals)).trim();
    if (!NAME.test(name)) return { ok: false, error: `Line ${index + 1} is not NAME=value` };
    env[name] = unquote(line.slice(equals + 1).trim());
  }
  return { ok: true, env };
}
