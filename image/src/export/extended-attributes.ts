import { ImageError } from '../image-error.ts';
import { runTool } from '../run-tool.ts';

/** What extended attributes say about the entries of a layer. Paths are relative to its root. */
export interface LayerAttributes {
  /** Folders that hide what the layers below have in theirs. */
  opaque: Set<string>;
  /** File capabilities (`security.capability`), as the kernel stores them. */
  capabilities: Map<string, Buffer>;
}

const TIMEOUT_MS = 5 * 60_000;

/**
 * Reads the extended attributes of a whole layer.
 * @throws ImageError `EXPORT_FAILED` for a layer made with overlay features that a tar cannot express.
 */
export async function readLayerAttributes(
  root: string,
  signal: AbortSignal | undefined,
): Promise<LayerAttributes> {
  const lines: string[] = [];
  const code = await runTool('getfattr', {
    args: ['-R', '-P', '-h', '-d', '-e', 'hex', '-m', '-', '.'],
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    timeoutMs: TIMEOUT_MS,
    onLine: (line) => lines.push(line),
  });
  if (code !== 0)
    throw new ImageError('EXPORT_FAILED', `Cannot read the attributes of ${root} (getfattr: ${code}).`);
  return parseAttributes(lines);
}

/** Reads the dump format of getfattr with hexadecimal values. */
export function parseAttributes(lines: readonly string[]): LayerAttributes {
  const attributes: LayerAttributes = { opaque: new Set(), capabilities: new Map() };
  let path = '';
  for (const line of lines) {
    if (line.startsWith('# file: ')) path = unescape(line.slice(8)).replace(/^\.\//, '');
    const match = /^([\w.]+)=0x([0-9a-f]*)$/i.exec(line);
    if (match) takeAttribute(attributes, path, match[1] ?? '', Buffer.from(match[2] ?? '', 'hex'));
  }
  return attributes;
}

function takeAttribute(attributes: LayerAttributes, path: string, name: string, value: Buffer): void {
  if (name === 'trusted.overlay.opaque' && value.toString('latin1') === 'y') attributes.opaque.add(path);
  if (name === 'security.capability') attributes.capabilities.set(path, value);
  if (name === 'trusted.overlay.redirect' || name === 'trusted.overlay.metacopy') {
    throw new ImageError(
      'EXPORT_FAILED',
      `The layer's entry ${path} carries ${name}, which a container image has no form for. Build the image again ` +
        'on a kernel that honours redirect_dir=off and metacopy=off.',
    );
  }
}

function unescape(text: string): string {
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return bytes === text ? text : Buffer.from(bytes, 'latin1').toString('utf8');
}
