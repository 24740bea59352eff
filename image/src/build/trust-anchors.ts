import { X509Certificate, createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../image-error.ts';

/** Certificates that the operator wants sandboxes to trust. */
export interface TrustAnchors {
  certificates: X509Certificate[];
  /** SHA-256 over the certificates, hex. */
  digest: string;
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Reads the operator's certificates.
 * @param path a PEM file with any number of certificates, or a folder of such files (`*.crt`, `*.pem`).
 * @returns undefined when a folder holds none.
 * @throws ImageError `SETTING_INVALID` when there is no such path, or a file holds no readable certificate.
 */
export async function readTrustAnchors(path: string): Promise<TrustAnchors | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw invalid(path, `cannot be read (${error.code ?? error.message})`);
  });
  const files = found.isDirectory() ? await certificateFiles(path) : [path];
  const byFingerprint = new Map<string, X509Certificate>();
  for (const file of files) {
    const certificates = await readCertificates(file);
    // A folder may hold other files, or certificates in another form, as the system's own does.
    if (certificates.length === 0 && file === path) throw invalid(file, 'holds no certificate in PEM form');
    for (const certificate of certificates) byFingerprint.set(certificate.fingerprint256, certificate);
  }
  if (byFingerprint.size === 0) return undefined;
  const fingerprints = [...byFingerprint.keys()].toSorted();
  return {
    certificates: fingerprints.flatMap((fingerprint) => byFingerprint.get(fingerprint) ?? []),
    digest: createHash('sha256').update(fingerprints.join('\n')).digest('hex'),
  };
}

/** The certificates of a PEM text that can be read; others are left out. */
export function parseCertificates(pem: string): X509Certificate[] {
  return (pem.match(PEM_BLOCK) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

async function certificateFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => /\.(crt|pem)$/.test(name))
    .toSorted()
    .map((name) => join(folder, name));
}

async function readCertificates(file: string): Promise<X509Certificate[]> {
  if ((await stat(file)).size > MAX_BYTES) throw invalid(file, `is larger than ${MAX_BYTES} bytes`);
  return parseCertificates(await readFile(file, 'utf8'));
}

function invalid(path: string, reason: string): ImageError {
  return new ImageError(
    'SETTING_INVALID',
    `The file of extra certificates ${path} ${reason}. Give a PEM file, or a folder of *.crt or *.pem files.`,
  );
}
