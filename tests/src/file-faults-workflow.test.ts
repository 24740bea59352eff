import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testedIsolation } from './security/support/isolation.ts';
import { hostileArchives, tarOf } from './support/archives.ts';
import { CaseTable, codeOf } from './support/case-table.ts';
import { Installation } from './support/installation.ts';

const MIB = 1024 ** 2;
const DISK_MIB = 128;
let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
const cases = new CaseTable();

beforeAll(async () => {
  const disk = String(DISK_MIB / 1024);
  installation = await Installation.start({ BANATA_WARM: '0', BANATA_SANDBOX_DISK_GIB: disk });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch();
});

afterAll(async () => {
  cases.print();
  await installation?.remove();
});

async function shell(command: string, user: 'user' | 'root' = 'user'): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { user });
  return (stdout + stderr).trim();
}

test('hostile ones do no harm and are told what is wrong', async () => {
  await sandbox.fs.write('hostile/kept.txt', 'kept');
  for (const { what, archive, code } of await hostileArchives()) {
    await shell('rm -rf hostile/in');
    const answer = await cases.noted(
      `archive: ${what}`,
      () => codeOf(sandbox.fs.upload(archive, { path: 'hostile/in', maxBytes: 32 * MIB })),
      (said) => said,
    );
    expect(answer, what).toBe(code ?? 'done');
    expect(
      await shell(
        'ls -d /home/user/outside /workspace/outside hostile/outside 2>/dev/null; cat hostile/kept.txt',
      ),
      what,
    ).toBe('kept');
    expect(
      await shell('find hostile -perm /7000 -o -name ".banata-*" -o -type p -o -type b -o -type c'),
      what,
    ).toBe('');
  }
}, 120_000);

test('is refused with a code, at once', async () => {
  await shell(
    'mkfifo fifo; ln -sfn b loop-a; ln -sfn loop-a b; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\'sock\')"',
  );
  await shell('install -m 600 /dev/null roots.txt', 'root');
  await shell('mkdir -p find/src; echo x > text');
  const long = 'x'.repeat(256);
  const table: [string, () => Promise<unknown>, string][] = [
    ['read a FIFO', () => sandbox.fs.read('fifo'), 'NOT_A_FILE'],
    ['write a FIFO', () => sandbox.fs.write('fifo', 'x'), 'NOT_A_FILE'],
    ['read a socket', () => sandbox.fs.read('sock'), 'NOT_A_FILE'],
    ['read a device', () => sandbox.fs.read('/dev/zero'), 'NOT_A_FILE'],
    ['write a device', () => sandbox.fs.write('/dev/full', 'x'), 'NOT_A_FILE'],
    ['read a folder', () => sandbox.fs.read('/workspace'), 'IS_DIRECTORY'],
    ['write a folder', () => sandbox.fs.write('/home/user', 'x'), 'IS_DIRECTORY'],
    ['read what is missing', () => sandbox.fs.read('nowhere'), 'FILE_NOT_FOUND'],
    ['read below a file', () => sandbox.fs.read('/etc/passwd/x'), 'NOT_A_DIRECTORY'],
    ['write below a file', () => sandbox.fs.write('text/x', 'x'), 'NOT_A_DIRECTORY'],
    ['list a file', () => sandbox.fs.list('/etc/passwd'), 'NOT_A_DIRECTORY'],
    ['read a file of root', () => sandbox.fs.read('roots.txt'), 'FILE_ACCESS_DENIED'],
    ['write in a folder of root', () => sandbox.fs.write('/etc/x', 'x'), 'FILE_ACCESS_DENIED'],
    ['chmod a file of root', () => sandbox.fs.chmod('/etc/passwd', '0777'), 'FILE_ACCESS_DENIED'],
    ['make a folder where a file is', () => sandbox.fs.mkdir('text'), 'FILE_EXISTS'],
    ['move a folder into itself', () => sandbox.fs.move('find', 'find/src/x'), 'PATH_INVALID'],
    ['a name of 256 bytes', () => sandbox.fs.write(long, 'x'), 'PATH_INVALID'],
    ['a path of 4097 bytes', () => sandbox.fs.read(`/${'x'.repeat(4096)}`), 'INVALID_REQUEST'],
    ['a loop of links', () => sandbox.fs.read('loop-a'), 'PATH_INVALID'],
    ['a mode that is none', () => sandbox.fs.chmod('text', '999'), 'INVALID_REQUEST'],
    [
      'write to a file system that is read-only',
      () => sandbox.fs.write('/sys/kernel/x', 'x'),
      // gVisor looks at the rights first, Linux at the file system.
      testedIsolation() === 'container' ? 'FILE_SYSTEM_READ_ONLY' : 'FILE_ACCESS_DENIED',
    ],
  ];
  for (const [what, attempt, code] of table) {
    const began = performance.now();
    expect(
      await cases.noted(
        what,
        () => codeOf(attempt()),
        (said) => said,
      ),
      what,
    ).toBe(code);
    expect(performance.now() - began, what).toBeLessThan(5_000);
  }
});

test('a workspace that is gone or replaced is made anew', async () => {
  const spare = await banata.launch();
  const asRoot = (command: string) => spare.exec(command, undefined, { user: 'root', cwd: '/' });
  for (const [what, command] of [
    ['/workspace removed, then written to', 'rm -rf /workspace'],
    ['/workspace replaced by a file', 'rm -rf /workspace; echo x > /workspace'],
    ['/workspace a link to nothing', 'rm -rf /workspace; ln -s /nowhere /workspace'],
    ['/workspace moved away', 'mv /workspace /workspace-old; true'],
  ] as const) {
    await asRoot(command);
    const answer = await cases.noted(
      what,
      () => codeOf(spare.fs.write('new.txt', 'x')),
      (said) => said,
    );
    expect(answer, what).toBe('done');
    expect((await spare.exec('pwd; ls')).stdout, what).toContain('/workspace\n');
    expect(await spare.fs.read('/workspace/new.txt'), what).toBe('x');
  }
  await spare.kill();
});

test('a full disk is told, and what did not fit leaves nothing', async () => {
  const { fs } = sandbox;
  const left = () => shell('find /workspace -name ".banata-*"');
  await fs.write('before.txt', 'before');
  const tooMuch = new Blob([randomBytes(MIB)]);
  const long = new Blob(Array.from({ length: 2 * DISK_MIB }, () => tooMuch));
  for (const [what, attempt] of [
    ['PUT of more than the disk holds', () => fs.write('long', long)],
    ['PUT over a file', () => fs.write('before.txt', long)],
    ['archive with more than the disk holds', async () => fs.upload(await fullArchive(), { path: 'full' })],
  ] as const) {
    const answer = await cases.noted(
      what,
      () => codeOf(attempt()),
      (said) => said,
    );
    expect(answer, what).toBe('SANDBOX_DISK_FULL');
    expect(await left(), what).toBe('');
  }
  await fs.remove('full', { recursive: true });
  expect(await fs.exists('long')).toBe(false);
  expect(await fs.read('before.txt')).toBe('before');
  await fs.write('after.txt', 'after');
}, 120_000);

async function fullArchive(): Promise<Buffer<ArrayBuffer>> {
  const content = randomBytes(20 * MIB);
  const count = Math.ceil((1.5 * DISK_MIB) / 20);
  return tarOf(Array.from({ length: count }, (_, index) => ({ name: `part-${index}`, content })));
}
