import { PassThrough } from 'node:stream';
import { BanataError } from '@banata-boxes/sdk';
import { ConfigError } from '@banata/config';
import { expect, test } from 'vitest';
import { CliError } from './cli-error.ts';
import { reportFailure } from './report-failure.ts';

function report(error: unknown, options: { stopped?: boolean; debug?: boolean } = {}): string {
  const to = new PassThrough();
  reportFailure(error, { stopped: false, debug: false, to, ...options });
  return (to.read() as Buffer).toString();
}

test.each([
  ['ours', new CliError('It broke', 'Mend it.'), 'banata: It broke\n  → Mend it.\n'],
  [
    'the server’s',
    new BanataError({ status: 404, code: 'X', message: 'Gone', suggestion: 'Look.' }),
    'banata: Gone\n  → Look.\n',
  ],
  [
    'a setting’s',
    new ConfigError('BANATA_PORT="x"'),
    'banata: BANATA_PORT="x"\n  → Correct the variable, or unset it for the default.\n',
  ],
  ['unknown', new Error('boom'), 'banata: boom\n  → Run the command again with DEBUG=1 for the details.\n'],
])('%s: what happened and what to do next', (_, error, text) => {
  expect(report(error)).toBe(text);
});

test('Ctrl-C is no failure to be explained', () => {
  expect(report(new DOMException('aborted', 'AbortError'), { stopped: true })).toMatch(/^banata: stopped\n/);
});

test('stacks come with DEBUG only, causes included', () => {
  const error = new CliError('outer', 'x', { cause: new Error('inner') });
  expect(report(error)).not.toContain('at ');
  expect(report(error, { debug: true })).toMatch(/at [\s\S]*caused by Error: inner/);
});
