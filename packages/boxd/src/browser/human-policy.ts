import type { CdpAnswer } from './cdp-policy.ts';

/**
 * What CDP clients may do while a person has control: come, go, follow what tabs there are, and take pictures. It is a
 * list of what is allowed; of what clicks, types or reads there is too much to list.
 */
const ALLOWED = new Set([
  'Browser.close',
  'Browser.getVersion',
  'Browser.getWindowBounds',
  'Browser.getWindowForTarget',
  'Target.attachToBrowserTarget',
  'Target.attachToTarget',
  'Target.detachFromTarget',
  'Target.getBrowserContexts',
  'Target.getTargetInfo',
  'Target.getTargets',
  'Target.setAutoAttach',
  'Target.setDiscoverTargets',
  'Page.captureScreenshot',
  'Page.getFrameTree',
  'Page.getLayoutMetrics',
  'Page.setLifecycleEventsEnabled',
  'Page.screencastFrameAck',
  'Page.startScreencast',
  'Page.stopScreencast',
  // Worlds are empty; nothing can be evaluated in them.
  'Page.createIsolatedWorld',
  'Page.removeScriptToEvaluateOnNewDocument',
  'Emulation.setFocusEmulationEnabled',
  // Frees what a client holds and lets go of what waits for it, so that the person is not held up.
  'Debugger.resume',
  'Fetch.disable',
  'Runtime.releaseObject',
  'Runtime.releaseObjectGroup',
  'Runtime.removeBinding',
  'Runtime.runIfWaitingForDebugger',
]);

/** Domains that clients switch on when they attach. What they would tell is sorted out below. */
const DOMAINS = new Set([
  'Accessibility',
  'CSS',
  'Console',
  'DOM',
  'Inspector',
  'Log',
  'Network',
  'Page',
  'Performance',
  'Runtime',
  'Security',
  'ServiceWorker',
]);

/** What the browser of a box shows its pages anyway; Playwright sets these in each page that it attaches to. */
const OWN_MEDIA: Readonly<Record<string, string>> = {
  'prefers-color-scheme': 'light',
  'prefers-reduced-motion': 'no-preference',
  'forced-colors': 'none',
  'prefers-contrast': 'no-preference',
};

/** Events that tell which tabs and frames there are, and nothing of what is in them. */
const TOLD = new Set([
  'Inspector.detached',
  'Inspector.targetCrashed',
  'Network.loadingFailed',
  'Network.loadingFinished',
  'Page.domContentEventFired',
  'Page.frameAttached',
  'Page.frameDetached',
  'Page.frameNavigated',
  'Page.frameStartedLoading',
  'Page.frameStartedNavigating',
  'Page.frameStoppedLoading',
  'Page.frameSubtreeWillBeDetached',
  'Page.lifecycleEvent',
  'Page.loadEventFired',
  'Page.navigatedWithinDocument',
  'Page.screencastFrame',
  'Page.screencastVisibilityChanged',
  'Runtime.executionContextCreated',
  'Runtime.executionContextDestroyed',
  'Runtime.executionContextsCleared',
]);

/** Whether automation may send this while a person has control. */
export function isAllowedBesidePerson(method: string, params: Record<string, unknown>): boolean {
  if (ALLOWED.has(method)) return true;
  const [domain = '', command] = method.split('.');
  if ((command === 'enable' || command === 'disable') && DOMAINS.has(domain)) return true;
  switch (method) {
    case 'Page.addScriptToEvaluateOnNewDocument':
      // Clients make their own world in each frame by a script that is empty.
      return params['source'] === '';
    case 'Fetch.continueRequest':
      return Object.keys(params).every((name) => name === 'requestId');
    case 'Browser.setDownloadBehavior':
      // Playwright asks at once to be told of downloads; the broker keeps them where they are.
      return params['behavior'] !== 'deny';
    case 'Page.setInterceptFileChooserDialog':
      return params['enabled'] === false;
    case 'Emulation.setEmulatedMedia':
      return Object.values(params).every(changesNoMedia);
    default:
      return false;
  }
}

/** Whether automation may be told this while a person has control: requests and bindings carry what is typed. */
export function passesBesidePerson(method: string): boolean {
  return method.startsWith('Target.') || TOLD.has(method);
}

/** What is answered in place of a client that is not told that something waits for it. */
export function answerForPerson(method: string, params: Record<string, unknown>): CdpAnswer | undefined {
  const { requestId } = params;
  switch (method) {
    case 'Fetch.requestPaused':
      return { method: 'Fetch.continueRequest', params: { requestId } };
    case 'Fetch.authRequired':
      return {
        method: 'Fetch.continueWithAuth',
        params: { requestId, authChallengeResponse: { response: 'Default' } },
      };
    case 'Debugger.paused':
      return { method: 'Debugger.resume', params: {} };
    default:
      return undefined;
  }
}

/** Of a value of `Emulation.setEmulatedMedia`: whether the person sees pages as without it. */
function changesNoMedia(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.every(
      (feature: { name?: unknown; value?: unknown } | null) =>
        isEmpty(feature?.value) || feature?.value === OWN_MEDIA[String(feature?.name)],
    );
  }
  return isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === null || value === undefined;
}
