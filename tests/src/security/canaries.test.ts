import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { dumpDatabase } from '../support/dump-database.ts';
import { Installation } from '../support/installation.ts';
import { boxProcesses } from './support/box-processes.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

const canary = (name: string): string => `canary-${name}-${randomBytes(12).toString('hex')}`;
const SERVER_KEY = canary('server');
const SERVER_FILE = canary('file');
const SANDBOX_ENV = canary('sandbox');
const MODEL_KEY = canary('model');
const ORGANIZATION_KEY = canary('organization');
const OTHER_TENANT = canary('tenant');

let installation: Installation;
let apiKey: string;
let sandbox: Sandbox;
let stopped: () => Promise<void>;

beforeAll(async () => {
  installation = await Installation.start({
    OPENAI_API_KEY: SERVER_KEY,
    OPENAI_BASE_URL: 'https://models.invalid/v1',
    OPENAI_MODEL: 'acme/main-1',
    BANATA_LOG_LEVEL: 'debug',
  });
  await writeFile(join(installation.home, 'operator-notes.txt'), SERVER_FILE);
  apiKey = await installation.apiKey();
  const banata = new BanataSandbox({ apiKey, baseUrl: installation.url });
  const other = await banata.launch({ env: { OTHER: OTHER_TENANT }, metadata: { note: OTHER_TENANT } });
  await other.exec(`echo ${OTHER_TENANT} > /workspace/theirs.txt; sleep 600 &`);
  await banata.modelKeys.set('anthropic', { apiKey: ORGANIZATION_KEY, model: 'acme/main-1' });
  sandbox = await banata.launch({
    env: { PLAIN: SANDBOX_ENV, OPENROUTER_API_KEY: MODEL_KEY, OPENROUTER_MODEL: 'acme/main-1' },
    capabilities: { agent: { enabled: true } },
  });
  // Errors, refused input, an unknown route and a broken body leave their traces too.
  await sandbox.exec('exit 3');
  await sandbox.fs.read('/nowhere').catch(() => undefined);
  await banata.create({ env: { 'NOT A NAME': SANDBOX_ENV } }).catch(() => undefined);
  await fetch(`${installation.url}/v1/nothing?key=1`, { headers: { authorization: `Bearer ${apiKey}` } });
  stopped = () => other.kill().then(() => undefined);
});

afterAll(async () => {
  await stopped?.().catch(() => undefined);
  await installation?.remove();
});

/** Where one of the texts stands in a text. */
function found(text: string, secrets: string[]): string[] {
  return secrets.filter((secret) => text.includes(secret));
}

describe(`inside a sandbox (${testedIsolation()})`, () => {
  const everyone = [SERVER_KEY, SERVER_FILE, OTHER_TENANT, MODEL_KEY, ORGANIZATION_KEY];

  securityCase('secrets of the server and of others in all environments and command lines', async () => {
    const { stdout } = await sandbox.exec(
      "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'",
      undefined,
      { user: 'root' },
    );
    expect(stdout).toContain(SANDBOX_ENV);
    expect(found(stdout, [...everyone, apiKey])).toEqual([]);
    return `not one of 6 in ${stdout.length} bytes`;
  });

  // Before the next case, which has to tell the daemon what to look for.
  securityCase('the memory of every process that root can read', async () => {
    const { stdout } = await sandbox.exec(
      `python3 - <<'EOF'
import glob, re
hits, read = [], 0
parts = ${JSON.stringify(everyone.map((text) => [text.slice(0, 20), text.slice(20)]))}
for maps in glob.glob('/proc/[0-9]*/maps'):
    pid = maps.split('/')[2]
    try:
        with open(maps) as m, open('/proc/%s/mem' % pid, 'rb', 0) as mem:
            for line in m:
                a, b, p = re.match(r'([0-9a-f]+)-([0-9a-f]+) (\\S+)', line).groups()
                if 'r' not in p or int(b, 16) - int(a, 16) > 1 << 26: continue
                try:
                    mem.seek(int(a, 16)); data = mem.read(int(b, 16) - int(a, 16)); read += len(data)
                except (OSError, OverflowError, ValueError): continue
                for first, second in parts:
                    if (first + second).encode() in data and pid != str(__import__('os').getpid()): hits.append(pid)
    except OSError: pass
print(len(hits), read >> 20)
EOF`,
      undefined,
      { user: 'root', timeout: 60_000 },
    );
    const [hits, mebibytes] = stdout.trim().split(' ');
    expect(hits).toBe('0');
    return `not in the ${mebibytes} MiB it could read`;
  });

  securityCase('the same in every file that is not the image’s', async () => {
    const patterns = [...everyone, apiKey].join('\n');
    const { stdout, exitCode } = await sandbox.exec(
      'cat > /dev/shm/patterns; find / -xdev -newer /run/banata/boxd.json -type f -size -64M 2>/dev/null > /dev/shm/list; find /run /tmp /workspace /home /root /var/lib/banata /etc -type f -size -64M >> /dev/shm/list 2>/dev/null; grep -v ^/dev/shm /dev/shm/list | tr "\\n" "\\0" | xargs -0 grep -lF -f /dev/shm/patterns 2>/dev/null; wc -l < /dev/shm/list',
      undefined,
      { user: 'root', stdin: patterns, timeout: 60_000 },
    );
    expect(exitCode).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(Number(lines[0])).toBeGreaterThan(10);
    return `not in ${lines[0]} files`;
  });

  securityCase('the server’s files and database by their paths', async () => {
    const { stdout } = await sandbox.exec(
      `ls -d ${installation.home} ${installation.home}/secret ${installation.home}/postgres /var/lib/banata-test-* /work 2>/dev/null; true`,
      undefined,
      { user: 'root' },
    );
    expect(stdout).toBe('');
    return 'absent';
  });
});

describe('on the server', () => {
  const all = (): string[] => [SERVER_KEY, SANDBOX_ENV, MODEL_KEY, ORGANIZATION_KEY, OTHER_TENANT, apiKey];

  securityCase('secrets in the log at level debug', async () => {
    const log = await installation.log();
    expect(log.length).toBeGreaterThan(1_000);
    expect(found(log, all())).toEqual([]);
    return `not one of 6 in ${log.length} bytes`;
  });

  securityCase('secrets in the tables of the database', async () => {
    const dump = dumpDatabase(installation.home);
    expect(dump).toContain(sandbox.id);
    // The other sandbox's metadata holds its canary by its owner's own wish.
    const secrets = all().filter((secret) => secret !== OTHER_TENANT);
    expect(found(dump, secrets)).toEqual([]);
    for (const secret of secrets) expect(dump).not.toContain(Buffer.from(secret).toString('hex'));
    return `not one of ${secrets.length}, plain or as hex, in ${dump.length} bytes`;
  });

  securityCase('secrets in the events of the sandbox', async () => {
    const reply = await fetch(`${installation.url}/v1/sandboxes/events?id=${sandbox.id}&limit=1000`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const text = await reply.text();
    expect(text).toContain('sandbox.ready');
    expect(found(text, all())).toEqual([]);
    return `not one of 6 in ${text.length} bytes`;
  });

  securityCase('secrets in the command lines of all processes of the machine', async () => {
    const pids = (await readdir('/proc')).filter(
      (name) => /^\d+$/.test(name) && name !== String(process.pid),
    );
    const lines = pids.map((pid) => readQuietly(`/proc/${pid}/cmdline`));
    expect(found(lines.join('\n'), all())).toEqual([]);
    return `not one of 6 in ${pids.length} processes`;
  });

  securityCase(
    'the server’s own secrets in the environments of the boxes’ processes, seen from the host',
    async () => {
      const processes = await boxProcesses(installation.instanceId);
      const environments = processes.map(({ pid }) => readQuietly(`/proc/${pid}/environ`)).join('\n');
      expect(found(environments, [SERVER_KEY, MODEL_KEY, ORGANIZATION_KEY, apiKey])).toEqual([]);
      return `not in ${processes.length} processes`;
    },
  );

  securityCase('an error that repeats what was sent keeps the environment to itself', async () => {
    const reply = await fetch(`${installation.url}/v1/sandboxes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ env: { 'BAD NAME': SANDBOX_ENV, OK: SANDBOX_ENV } }),
    });
    const text = await reply.text();
    expect(reply.status).toBe(400);
    expect(found(text, [SANDBOX_ENV])).toEqual([]);
    return text;
  });
});

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Ended while it was looked at.
    return '';
  }
}
