/** Who speaks: a client of the sandbox's CDP URL, or the browser tools of the agent. */
export type CdpClientKind = 'client' | 'agent';

export interface CdpRefusal {
  code: number;
  message: string;
  /**
   * Answered as an error that JavaScript threw. Playwright takes an error of the protocol here for a page that went
   * elsewhere, hides its text and tries again; an exception it hands on at once.
   */
  thrown?: boolean;
}

/** Parameters that a client's message is sent with, in place of its own. */
export type CdpRewrite = (
  method: string,
  params: Record<string, unknown>,
  kind: CdpClientKind,
) => Record<string, unknown>;

/** Answers why a client's message is refused, or undefined to let it through. */
export type CdpPolicy = (
  kind: CdpClientKind,
  method: string,
  params: Record<string, unknown>,
) => CdpRefusal | undefined;

/** A call that the broker makes in place of a client. */
export interface CdpAnswer {
  method: string;
  params: Record<string, unknown>;
}

/**
 * What becomes of an event on its way to a client: passed on, kept back, or kept back and answered.
 * @param params reads the event's parameters, which costs for large ones.
 */
export type CdpEventPolicy = (
  method: string,
  params: () => Record<string, unknown>,
) => 'pass' | 'drop' | CdpAnswer;

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

/** What a client gets as answer to a message that is refused. */
export function refusalReply({ code, message, thrown }: CdpRefusal): object {
  if (thrown !== true) return { error: { code, message } };
  const description = `Error: ${message}`;
  return {
    result: {
      result: { type: 'object', subtype: 'error', className: 'Error', description },
      exceptionDetails: {
        exceptionId: 1,
        text: 'Uncaught',
        lineNumber: 0,
        columnNumber: 0,
        exception: { type: 'object', subtype: 'error', className: 'Error', description },
      },
    },
  };
}

/**
 * Keeps the downloads of all clients in one folder, unless a client names another one of the workspace: the paths that
 * clients send are those of their own machines.
 */
export function keepDownloads({ folder, workspace }: { folder: string; workspace: string }): CdpRewrite {
  return (method, params) => {
    if (method !== 'Browser.setDownloadBehavior' && method !== 'Page.setDownloadBehavior') return params;
    const { behavior, downloadPath } = params;
    if (behavior === 'deny') return params;
    if (typeof downloadPath === 'string' && downloadPath.startsWith(`${workspace}/`)) return params;
    return { ...params, behavior: 'allow', downloadPath: folder };
  };
}
