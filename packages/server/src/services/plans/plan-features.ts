import type { Capabilities, PlanFeature } from '@banata/protocol';

/** Words for a refusal: "<subject> not available on the Free plan. Upgrade to Builder or higher <purpose>." */
export const featureTexts: Readonly<Record<PlanFeature, { subject: string; purpose: string }>> = {
  captcha: { subject: 'CAPTCHA solving is', purpose: 'to solve CAPTCHAs automatically' },
  stealth: { subject: 'Stealth mode is', purpose: 'to enable anti-detection' },
  recording: { subject: 'Session recording is', purpose: 'to record sessions' },
  'heavy-weight': { subject: 'Heavy browser sessions are', purpose: 'to use more memory' },
  'dedicated-isolation': { subject: 'Dedicated isolation is', purpose: 'to get a machine of your own' },
  'dedicated-dc-egress': { subject: 'Dedicated datacenter egress is', purpose: 'to use dedicated addresses' },
  'rotating-residential-egress': {
    subject: 'Rotating residential egress is',
    purpose: 'to use residential addresses',
  },
  'static-residential-egress': {
    subject: 'Static residential egress is',
    purpose: 'to use residential addresses',
  },
  'byo-proxy': { subject: 'A proxy of your own is', purpose: 'to control outbound routing' },
  'paired-browser': {
    subject: 'A paired Banata browser is',
    purpose: 'to run a browser beside the sandbox',
  },
};

/** Features of plans that capabilities of a sandbox ask for. */
export function featuresOf({ browser }: Capabilities): PlanFeature[] {
  const asked: [boolean, PlanFeature][] = [
    [browser.recording, 'recording'],
    [browser.byoProxyUrl !== null, 'byo-proxy'],
    [browser.mode === 'paired-banata-browser', 'paired-browser'],
  ];
  return asked.filter(([wanted]) => wanted).map(([, feature]) => feature);
}
