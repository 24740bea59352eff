import { sandboxStatusSchema, type SandboxStatus } from '@banata/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFinal, statusesBefore, takesWork, transitions } from './status.ts';

const statuses = sandboxStatusSchema.options;

test('every status but the final ones can end and can fail', () => {
  for (const status of statuses.filter((each) => !isFinal(each))) {
    expect(transitions[status]).toContain('failed');
    if (status !== 'ending') expect(transitions[status]).toContain('ending');
  }
});

test('statusesBefore is the inverse of the table', () => {
  fc.assert(
    fc.property(fc.constantFrom(...statuses), fc.constantFrom(...statuses), (from, to) => {
      expect(statusesBefore(to).includes(from)).toBe(transitions[from].includes(to));
    }),
  );
});

test('whatever is asked for in whatever order, a walk obeys the table and never leaves a final status', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...statuses), { maxLength: 40 }), (wishes) => {
      let status: SandboxStatus = 'queued';
      let ended = false;
      for (const wish of wishes) {
        if (!statusesBefore(wish).includes(status)) continue;
        expect(ended).toBe(false);
        status = wish;
        ended = isFinal(status);
        if (takesWork(status)) expect(isFinal(status)).toBe(false);
      }
    }),
  );
});
