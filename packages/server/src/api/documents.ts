import { contract } from '@banata/protocol';
import type { DocumentService } from '../services/documents.ts';
import type { Mount } from './mount.ts';

export interface DocumentsRoutesDeps {
  documents: DocumentService;
}

export function mountDocuments(mount: Mount, { documents }: DocumentsRoutesDeps): void {
  mount.route(contract.documents.convertDocument, ({ caller, body, signal }) =>
    documents.convert(caller, body, signal),
  );
}
