/** Who speaks: a client of the sandbox's CDP URL, or the browser tools of the agent. */
export type CdpClientKind = 'client' | 'agent';

export interface CdpRefusal {
  code: number;
  message: string;
}

/** Answers why a client's message is refused, or undefined to let it through. */
export type CdpPolicy = (
  kind: CdpClientKind,
  method: string,
  params: Record<string, unknown>,
) => CdpRefusal | undefined;

const FLATTEN = 'Only flat sessions are offered: pass flatten: true and address the session by sessionId.';

const REFUSED: Record<string, string> = {
  // Messages wrapped in messages would get around every rule of the broker.
  'Target.sendMessageToTarget': FLATTEN,
  // Would hand a page the whole protocol.
  'Target.exposeDevToolsProtocol':
    'Target.exposeDevToolsProtocol is not offered: pages must not drive the browser.',
  // Would make the browser dial other debuggers.
  'Target.setRemoteLocations': 'Target.setRemoteLocations is not offered in a sandbox.',
  'Browser.crash': 'Browser.crash is not offered: the browser is shared by all clients of the sandbox.',
};

/** What no client may do in any mode, since the browser is shared and its messages are policed. */
export function refuseAlways(method: string, params: Record<string, unknown>): CdpRefusal | undefined {
  const nested =
    (method === 'Target.attachToTarget' && params['flatten'] !== true) ||
    (method === 'Target.setAutoAttach' && params['autoAttach'] === true && params['flatten'] !== true);
  const reason = nested ? FLATTEN : Object.hasOwn(REFUSED, method) ? REFUSED[method] : undefined;
  return reason === undefined ? undefined : { code: -32000, message: reason };
}
