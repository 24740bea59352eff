import type { Artifact } from '@banata/protocol';
import type { ArtifactRow } from '../../database/tables/lasting.ts';
import type { NewEvent } from '../../stores/event-store.ts';

/** An artifact as the API tells of it. */
export function toArtifact(row: ArtifactRow): Artifact {
  return {
    key: row.key,
    sandboxId: row.sandbox_id,
    organizationId: row.organization_id,
    name: row.name,
    kind: row.kind,
    state: row.state,
    size: row.size,
    contentType: row.content_type,
    sha256: row.sha256,
    source: row.source,
    createdAt: row.created_at,
  };
}

/** The event that tells of a change. */
export function artifactEvent(
  change: 'published' | 'stored' | 'failed' | 'deleted',
  row: ArtifactRow,
): NewEvent {
  return { type: 'sandbox.artifacts.updated', data: { change, artifact: toArtifact(row) } };
}

/**
 * Header for a download: never shown as a page, and saved under the artifact's name (RFC 6266, with the encoding of
 * RFC 8187).
 */
export function attachment(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
