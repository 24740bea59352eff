import type { contract, RouteResult } from '@banata/protocol';

/** What is known of a browser beside its picture. */
export type PreviewView = RouteResult<(typeof contract)['browser']['viewPreview']>;

/** Answer to "what can be seen now?". */
export type ViewReply = { kind: 'view'; view: PreviewView } | { kind: 'expired' } | { kind: 'gone' };
