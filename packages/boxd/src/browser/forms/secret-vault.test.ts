import type { BoxSecrets } from '@banata/protocol/box';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { refusePlaceholder, typePlaceholders } from './secret-policy.ts';
import { SecretVault } from './secret-vault.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);

let vault: SecretVault;
beforeEach(() => {
  vi.useFakeTimers();
  vault = new SecretVault();
});
afterEach(() => vi.useRealTimers());

function put(requestId: string, values: Record<string, string>, more: Partial<BoxSecrets> = {}): void {
  const entries = Object.entries(values).map(([name, value]) => ({
    name,
    label: name,
    kind: 'password' as const,
    value,
  }));
  vault.put(requestId, { deliver: 'placeholder', taskId: 'task-1', keepMs: 1000, entries, ...more });
}

test('placeholders become values as the agent types, and only then', () => {
  put(A, { password: 'hunter22', code: '482913' });
  const rewrite = typePlaceholders(vault);
  const text = 'x{{secret:password}}y';
  expect(rewrite('Input.insertText', { text }, 'agent')).toEqual({ text: 'xhunter22y' });
  expect(rewrite('Input.insertText', { text }, 'client')).toEqual({ text });
  expect(rewrite('Runtime.evaluate', { expression: text }, 'agent')).toEqual({ expression: text });
  expect(refusePlaceholder(vault, 'agent', 'Input.insertText', { text })).toBeUndefined();
  expect(
    refusePlaceholder(vault, 'agent', 'Input.insertText', { text: '{{secret:other}}' })?.message,
  ).toMatch(/^SECRET_UNKNOWN: \{\{secret:other\}\}/);
});

test('values that were typed for the agent stand for no placeholder, and are kept from it', () => {
  put(A, { password: 'hunter22' }, { deliver: 'type' });
  expect(vault.unknownIn('{{secret:password}}')).toBe('{{secret:password}}');
  expect(vault.mask('it is hunter22')).toBe('it is {{secret:password}}');
});

test('messages lose values in every form they may have; ids, pictures and short values stay', () => {
  const password = 'p"w\\ö <&+ 100%';
  put(A, { password, code: '482913', pin: '12' });
  const url = `http://x/?p=${encodeURIComponent(password)}&${new URLSearchParams({ q: password }).toString()}`;
  const inner = JSON.stringify({ value: password });
  const picture = `${'A'.repeat(3000)}482913`;
  const message = {
    id: 482913,
    params: { nodeId: 482913, requestId: '482913.1', text: `a ${password} b`, url, inner, '482913': 1 },
    picture,
    pin: '12',
  };
  // As Chromium writes it: only ASCII.
  const json = JSON.stringify(message).replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const masked = JSON.parse(vault.maskJson(json)) as typeof message;
  expect(masked.id).toBe(482913);
  expect(masked.params.requestId).toBe('482913.1');
  expect(masked.params.text).toBe('a {{secret:password}} b');
  expect(masked.params.url).toBe('http://x/?p={{secret:password}}&q={{secret:password}}');
  expect(JSON.parse(masked.params.inner)).toEqual({ value: '{{secret:password}}' });
  expect(Object.keys(masked.params)).toContain('{{secret:code}}');
  expect([masked.picture, masked.pin]).toEqual([picture, '12']);
  const other = JSON.stringify({ text: 'nothing in here', code: 1 });
  expect(vault.maskJson(other)).toBe(other);
});

test('a message about a form that non-ASCII text was put into is masked too', () => {
  put(A, { password: 'ключ-от-двери' });
  const json = '{"v":"\\u043a\\u043b\\u044e\\u0447-\\u043e\\u0442-\\u0434\\u0432\\u0435\\u0440\\u0438"}';
  expect(vault.maskJson(json)).toBe('{"v":"{{secret:password}}"}');
});

test('values are forgotten when their time is over and when the browser stops; used until their task ends', () => {
  put(A, { password: 'hunter22' });
  vi.advanceTimersByTime(999);
  expect(vault.isEmpty).toBe(false);
  vi.advanceTimersByTime(1);
  expect(vault.isEmpty).toBe(true);
  put(A, { password: 'hunter22' });
  vault.taskEnded('task-2', false);
  expect(vault.fill('{{secret:password}}')).toBe('hunter22');
  vault.taskEnded('task-1', false);
  expect(vault.fill('{{secret:password}}')).toBe('{{secret:password}}');
  expect(vault.mask('hunter22')).toBe('{{secret:password}}');
  put(A, { password: 'hunter22' });
  vault.clear();
  expect(vault.isEmpty).toBe(true);
});

test('work that asks again keeps what it had, for the task that goes on', () => {
  put(A, { password: 'hunter22' }, { keepMs: 60_000 });
  vault.taskEnded('task-1', true);
  put(B, { code: '482913' }, { taskId: 'task-2', keepMs: 60_000 });
  expect(vault.fill('{{secret:password}} {{secret:code}}')).toBe('hunter22 482913');
  vault.taskEnded('task-2', false);
  expect(vault.unknownIn('{{secret:code}}')).toBe('{{secret:code}}');
  expect(vault.unknownIn('{{secret:password}}')).toBe('{{secret:password}}');
});

test('the same request again replaces its values', () => {
  put(A, { password: 'first-one' });
  put(A, { password: 'second-one' });
  expect(vault.mask('first-one second-one')).toBe('first-one {{secret:password}}');
});
