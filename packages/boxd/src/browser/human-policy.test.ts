import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerForPerson, isAllowedBesidePerson, passesBesidePerson } from './human-policy.ts';

test.each([
  ['Target.setAutoAttach', { autoAttach: true, flatten: true }],
  ['Page.enable', {}],
  ['Network.enable', {}],
  ['Page.captureScreenshot', { format: 'png' }],
  ['Page.addScriptToEvaluateOnNewDocument', { source: '', worldName: 'utility' }],
  ['Emulation.setEmulatedMedia', { media: '', features: [{ name: 'prefers-contrast', value: '' }] }],
  [
    'Emulation.setEmulatedMedia',
    {
      media: '',
      features: [
        { name: 'prefers-color-scheme', value: 'light' },
        { name: 'prefers-reduced-motion', value: 'no-preference' },
        { name: 'forced-colors', value: 'none' },
        { name: 'prefers-contrast', value: 'no-preference' },
      ],
    },
  ],
  ['Fetch.continueRequest', { requestId: '1' }],
  ['Browser.setDownloadBehavior', { behavior: 'allow' }],
])('%s is allowed beside a person', (method, params) => {
  expect(isAllowedBesidePerson(method, params)).toBe(true);
});

test.each([
  ['Runtime.evaluate', { expression: '1' }],
  ['Runtime.callFunctionOn', {}],
  ['Runtime.addBinding', { name: 'tell' }],
  ['Input.dispatchKeyEvent', {}],
  ['Input.insertText', {}],
  ['Page.navigate', {}],
  ['Page.reload', {}],
  ['Page.printToPDF', {}],
  ['Target.createTarget', {}],
  ['Target.closeTarget', {}],
  ['Target.activateTarget', {}],
  ['DOM.getDocument', {}],
  ['DOMSnapshot.captureSnapshot', {}],
  ['Accessibility.getFullAXTree', {}],
  ['Network.getCookies', {}],
  ['Network.getRequestPostData', {}],
  ['Storage.getCookies', {}],
  ['Fetch.enable', {}],
  ['Debugger.enable', {}],
  ['DOMStorage.enable', {}],
  ['Page.addScriptToEvaluateOnNewDocument', { source: 'steal()' }],
  ['Fetch.continueRequest', { requestId: '1', url: 'http://elsewhere' }],
  ['Emulation.setEmulatedMedia', { media: 'print' }],
  ['Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] }],
  ['Emulation.setEmulatedMedia', { features: [{ name: 'constructor', value: 'none' }] }],
  ['Browser.setDownloadBehavior', { behavior: 'deny' }],
  ['Page.setInterceptFileChooserDialog', { enabled: true }],
])('%s is refused beside a person', (method, params) => {
  expect(isAllowedBesidePerson(method, params)).toBe(false);
});

test('what is on no list is refused', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Z][a-z]{2,8}\.[a-z]{3,10}X$/), (method) => {
      expect(isAllowedBesidePerson(method, {})).toBe(false);
    }),
  );
});

test('events with content are kept back, and what waits for an answer gets one', () => {
  expect(passesBesidePerson('Target.targetInfoChanged')).toBe(true);
  expect(passesBesidePerson('Page.frameNavigated')).toBe(true);
  const kept = [
    'Network.requestWillBeSent',
    'Runtime.bindingCalled',
    'Runtime.consoleAPICalled',
    'DOM.attributeModified',
  ];
  for (const method of kept) {
    expect(passesBesidePerson(method)).toBe(false);
    expect(answerForPerson(method, {})).toBeUndefined();
  }
  expect(answerForPerson('Fetch.requestPaused', { requestId: '7' })).toEqual({
    method: 'Fetch.continueRequest',
    params: { requestId: '7' },
  });
  expect(answerForPerson('Debugger.paused', {})).toEqual({ method: 'Debugger.resume', params: {} });
});
