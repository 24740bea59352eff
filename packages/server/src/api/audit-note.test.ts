import { ApiError, contract } from '@banata/protocol';
import { expect, test } from 'vitest';
import { AuditNote } from './audit-note.ts';

const request = { ip: '192.0.2.1', requestId: 'r' };
const caller = { organizationId: 'o', actor: { kind: 'user' as const, id: 'u', name: 'ada@example.test' } };

test('keeps ids and the fields the route names, and nothing else', () => {
  const note = new AuditNote(contract.access.createApiKey, request);
  note.by(caller);
  note.about({ name: 'n'.repeat(1_000), scopes: ['audit:read'], secret: 'x', env: { A: 'x' } });
  note.about({ id: 'k', key: 'br_live_secret' });
  const made = note.entry({ status: 201 });
  expect(made).toMatchObject({
    organizationId: 'o',
    entry: {
      objects: { id: 'k', name: 'n'.repeat(300), scopes: ['audit:read'] },
      outcome: 'done',
      status: 201,
      code: null,
    },
  });
  expect(Object.keys(made?.entry.objects ?? {})).toEqual(['name', 'scopes', 'id']);
});

test('tells refusals from failures', () => {
  const entries = [new ApiError('CONFLICT'), new Error('bug')].map((error) => {
    const note = new AuditNote(contract.access.createApiKey, request);
    note.by(caller);
    return note.entry({ error })?.entry;
  });
  expect(entries.map((entry) => [entry?.outcome, entry?.status, entry?.code])).toEqual([
    ['refused', 409, 'CONFLICT'],
    ['failed', 500, 'INTERNAL'],
  ]);
});

test('says nothing of a request that belongs to no organization', () => {
  const note = new AuditNote(contract.auth.signIn, request);
  expect(note.entry({ error: new ApiError('SIGN_IN_FAILED') })).toBeUndefined();
});
