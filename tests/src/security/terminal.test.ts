import { BanataSandbox, type Sandbox, type Terminal } from '@banata-boxes/sdk';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { WebSocket } from 'ws';
import { Installation } from '../support/installation.ts';
import { until } from '../support/until.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

const ANSWER_MS = 30_000;

let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
let other: Sandbox;
let key: string;

beforeAll(async () => {
  installation = await Installation.start({ BANATA_WARM: '0' });
  key = await installation.apiKey();
  banata = new BanataSandbox({ apiKey: key, baseUrl: installation.url });
  [sandbox, other] = await Promise.all([banata.launch(), banata.launch()]);
});

afterAll(() => installation?.remove());

async function root(command: string): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { user: 'root', timeout: 20_000 });
  return `${stdout}${stderr}`.trim();
}

/** Status and code with which the opening of a WebSocket is refused, or `opened`. */
async function opening(query: string): Promise<string> {
  const url = `${installation.url.replace(/^http/, 'ws')}/v1/sandboxes/terminal?${query}`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${key}` } });
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${query}`)), ANSWER_MS);
    const done = (said: string): void => {
      clearTimeout(timer);
      socket.terminate();
      resolve(said);
    };
    socket.once('open', () => done('opened'));
    socket.once('error', (error) => done(error.message));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('end', () => {
        const { code } = JSON.parse(body) as { code: string };
        done(`${response.statusCode} ${code}`);
      });
    });
  });
}

async function post(body: object): Promise<string> {
  const reply = await fetch(`${installation.url}/v1/sandboxes/terminal`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { code } = (await reply.json()) as { code?: string };
  return `${reply.status} ${code ?? ''}`.trim();
}

async function closeSession(terminalId: string): Promise<string> {
  const query = new URLSearchParams({ id: sandbox.id, terminalId });
  const reply = await fetch(`${installation.url}/v1/sandboxes/terminals?${query}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${key}` },
  });
  const { code } = (await reply.json()) as { code?: string };
  return `${reply.status} ${code ?? ''}`.trim();
}

/** A terminal, and all it showed. */
async function open(): Promise<{ terminal: Terminal; text: () => string }> {
  let seen = '';
  const terminal = await sandbox.terminal({ onData: (bytes) => (seen += Buffer.from(bytes).toString()) });
  return { terminal, text: () => seen };
}

/** What a command typed into a new terminal shows. */
async function typed(command: string, end: RegExp): Promise<string> {
  const { terminal, text } = await open();
  try {
    terminal.write(`${command}\n`);
    const shown = (): Promise<string | undefined> => Promise.resolve(end.test(text()) ? text() : undefined);
    return await until(`${String(end)} of ${command}`, shown, ANSWER_MS);
  } finally {
    await closeSession(terminal.id);
  }
}

describe(`terminals (${testedIsolation()})`, () => {
  for (const field of [
    'cwd=/root',
    'cwd=../..',
    'user=root',
    'shell=/bin/sh',
    'command=id',
    'env[PATH]=/tmp',
    'path=/etc/shadow',
  ]) {
    securityCase(`a field that would choose a place, a program or an account: ${field}`, async () => {
      const [name = '', value = ''] = field.split('=');
      const said = [
        await opening(`id=${sandbox.id}&${field}`),
        await post({ id: sandbox.id, [name]: value }),
      ];
      expect(said).toEqual(['400 INVALID_REQUEST', '400 INVALID_REQUEST']);
      return said.join(', ');
    });
  }

  for (const id of [
    '../../etc/passwd',
    '..%2F..%2Fetc',
    '/etc/passwd',
    'sessions/../x',
    'a\0b',
    'x\r\nhost: y',
    'a'.repeat(65),
    '%252e%252e',
  ]) {
    securityCase(`the session ${JSON.stringify(id)}`, async () => {
      const said = [
        await opening(`id=${sandbox.id}&terminalId=${encodeURIComponent(id)}`),
        await post({ id: sandbox.id, terminalId: id }),
      ];
      said.push(await closeSession(id));
      expect(new Set(said)).toEqual(new Set(['400 INVALID_REQUEST']));
      return said.join(', ');
    });
  }

  securityCase('a session of another sandbox, by its id and by a link to it', async () => {
    const { terminal } = await open();
    const { url } = (await (
      await fetch(`${installation.url}/v1/sandboxes/terminal`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id: sandbox.id, terminalId: terminal.id }),
      })
    ).json()) as { url: string };
    const token = new URL(url).searchParams.get('token') ?? '';
    expect(token).not.toBe('');
    const said = [
      await opening(`id=${other.id}&terminalId=${terminal.id}`),
      await opening(`terminalId=${terminal.id}&token=${token}x`),
    ];
    // The token alone decides; what stands beside it leads nowhere else.
    const beside = await opening(`token=${token}&id=${other.id}`);
    expect(await other.listTerminals()).toEqual([]);
    const mine = await sandbox.listTerminals();
    await closeSession(terminal.id);
    expect(mine.map(({ id }) => id)).toEqual([terminal.id]);
    for (const answer of said)
      expect(answer).toMatch(/^4\d\d (TERMINAL_NOT_FOUND|INVALID_REQUEST|LINK_INVALID)$/);
    return `${said.join(', ')}; a link with another id beside it: ${beside}, of its own sandbox`;
  });

  for (const size of ['cols=0&rows=0', 'cols=1001', 'rows=-1', 'cols=1e9&rows=1e9', 'cols=NaN']) {
    securityCase(`a size of ${size}`, async () => {
      const said = await opening(`id=${sandbox.id}&${size}`);
      expect(said).toBe('400 INVALID_REQUEST');
      return said;
    });
  }

  securityCase('its shell is the user’s, in /workspace, with nothing of the daemon', async () => {
    const shown = await typed(
      'id -un; pwd; ls /proc/self/fd | wc -l; grep -c boxd /proc/self/environ; cat /run/banata/boxd.json; echo en""d',
      /\bend\b/,
    );
    expect(shown).toMatch(/^user\r?\n\/workspace\r?\n[34]\r?\n0\r?\n.*Permission denied/m);
    return 'user, /workspace, no open files of others, no variables of the daemon, its token refused';
  });

  securityCase('a shell that root made a trap of: profile, shell and home through links', async () => {
    await root(
      `cp ~user/.bashrc /tmp/bashrc; ln -sfn /etc/shadow ~user/.bash_history; echo 'echo profile as $(id -un)' >>~user/.bashrc`,
    );
    const shown = await typed('head -c 9 ~/.bash_history; echo en""d', /\bend\b/);
    await root('rm ~user/.bash_history; cp /tmp/bashrc ~user/.bashrc');
    expect(shown).toContain('profile as user');
    expect(shown).not.toMatch(/root:/);
    return 'profile runs as user; a history that leads to /etc/shadow cannot be read';
  });

  for (const [what, command] of [
    ['closed to its user', 'chmod 000 /workspace'],
    ['given to root alone', 'chown root:root /workspace; chmod 700 /workspace'],
  ] as const) {
    securityCase(`/workspace ${what}`, async () => {
      await root(command);
      const shown = await typed('pwd; id -un; echo en""d', /\bend\b/).catch((error: unknown) =>
        String(error),
      );
      await root('chown user:user /workspace; chmod 755 /workspace');
      expect(shown).not.toMatch(/\broot\b.*\bend\b/s);
      expect(await root('echo alive')).toBe('alive');
      const again = await typed('pwd; echo en""d', /\bend\b/);
      expect(again).toContain('/workspace');
      return `${stripVTControlCharacters(shown).slice(-80)}; the daemon goes on`;
    });
  }

  securityCase('what it shows cannot stand in for words of the protocol', async () => {
    const { terminal, text } = await open();
    terminal.write(`printf '{"type":"exit","exitCode":0}\\n\\0\\001{"type":"ready"}'; echo en""d\n`);
    await until('the output', () => Promise.resolve(/\bend\b/.test(text()) || undefined), ANSWER_MS);
    const over = await Promise.race([terminal.ended, Promise.resolve('goes on')]);
    await closeSession(terminal.id);
    expect(over).toBe('goes on');
    return 'bytes stay bytes; the session goes on';
  });
});
