import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Installation } from '../support/installation.ts';
import { until } from '../support/until.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

/*
 * Routes that take a path or an archive beside those of files.test.ts: packages of folders, conversions, working
 * directories, files for the browser, browser profiles, checkpoints. Their sandbox is the attacker: root in it may have
 * replaced the programs that they use.
 */

const LONG_MS = 240_000;
/** What only root may read in the box has it; so has a file of `user` outside the folder that is packed. */
const SECRET = /root:[*!]|"token"|canary-outside/;
const BROKEN = /^(4\d\d|50[0-9]) (?!INTERNAL)/;

let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;

beforeAll(async () => {
  installation = await Installation.start({ BANATA_SANDBOX_DISK_GIB: '2' });
  // A refusal is an outcome here, not something to try again.
  const retry = { maxRetries: 0 };
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url, retry });
  sandbox = await banata.launch({
    capabilities: { browser: {}, documents: { libreofficeHeadless: true } },
  });
  await run('echo canary-outside > /home/user/outside; chmod 600 /home/user/outside');
});

afterAll(() => installation?.remove());

async function run(command: string, user: 'user' | 'root' = 'user', where = sandbox): Promise<string> {
  const { stdout, stderr } = await where.exec(command, undefined, { user, timeout: 60_000 });
  return `${stdout}${stderr}`.trim();
}

/** Status and code of a refusal, or what was answered. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => `done ${JSON.stringify(value)?.slice(0, 200)}`,
    (error: unknown) => {
      if (!(error instanceof BanataError)) throw error;
      expect(error.message).not.toMatch(SECRET);
      return `${error.status} ${error.code}${error.status === 0 ? ` ${error.message}` : ''}`;
    },
  );
}

async function refused(call: Promise<unknown>, code?: RegExp): Promise<string> {
  const said = await outcome(call);
  expect(said).toMatch(BROKEN);
  if (code) expect(said).toMatch(code);
  return said;
}

/** A folder with everything in it that packers have stumbled over. */
const HOSTILE_FOLDER = `
rm -rf /workspace/hostile; mkdir -p /workspace/hostile/deep && cd /workspace/hostile
echo plain > plain.txt
ln -s /etc/shadow shadow; ln -s /home/user/outside outside; ln -s /home/user home; ln -s . self
ln -s ../../../../home/user/outside up; ln -s /proc/self/root root; ln -s /dev/zero zero
mkfifo fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('socket')"
touch -- -rf '--symlinks' '@list' '-T' '--checkpoint-action=exec=touch owned' '--checkpoint=1'
printf x > "$(printf 'escape\\033[2J')"; truncate -s 64M deep/sparse
cp /usr/bin/id deep/id; chmod 6755 deep/id`;

/** Names of two lines, the second of which is that of a file elsewhere. */
const LINE_ENDS = `python3 -c "
import os
for name in ('a\\n/home/user', '..\\n'): os.makedirs('/workspace/hostile/' + name, exist_ok=True)
open('/workspace/hostile/a\\n/home/user/outside', 'w').write('x')"`;

/** What a package holds: names, links and contents, unpacked where nothing but it is. */
const LOOK_INTO = `
rm -rf /tmp/out; mkdir /tmp/out; cd /tmp/out
case "$1" in *.zip) unzip -qo "$1" ;; *) tar xf "$1" ;; esac 2>/dev/null
find . -printf '%y %p -> %l\\n' | tr '\\033' '?'
grep -raoE 'root:[*!]|"token"|canary-outside' . --exclude=sparse; cat hostile/plain.txt plain.txt 2>/dev/null; ls -d /tmp/owned /workspace/owned /workspace/hostile/owned 2>/dev/null; true`;

describe(`folders that are packed (${testedIsolation()})`, () => {
  const packers: Record<string, () => Promise<Uint8Array<ArrayBuffer>>> = {
    'artifact as zip': async () => download('zip'),
    'artifact as tar.zst': async () => download('tar.zst'),
  };
  for (const format of ['tar', 'tar.gz', 'tar.zst', 'zip'] as const) {
    packers[`fs/download as ${format}`] = async () =>
      new Uint8Array(
        await new Response(await sandbox.fs.download('/workspace/hostile', { format })).arrayBuffer(),
      );
  }

  async function download(format: 'zip' | 'tar.zst'): Promise<Uint8Array<ArrayBuffer>> {
    const { key } = await sandbox.publishArtifact('/workspace/hostile', {
      format,
      name: `hostile.${format}`,
    });
    return sandbox.downloadArtifact(key);
  }

  for (const [name, packed] of Object.entries(packers)) {
    securityCase(
      `${name}: links, names that are options, sockets, FIFOs, a sparse file`,
      async () => {
        await run(HOSTILE_FOLDER);
        const bytes = await packed();
        const file = `/tmp/package.${name.split(' as ')[1]}`;
        await sandbox.fs.write(file, bytes);
        const { stdout: found } = await sandbox.exec('bash', ['-c', LOOK_INTO, 'look', file], {
          timeout: 60_000,
        });
        expect(found).toContain('plain.txt');
        expect(found).toContain('\nplain\n');
        expect(found).not.toMatch(SECRET);
        expect(found).not.toMatch(/^\/.*owned$/m);
        // Links are packed as links, or not at all.
        expect(found).not.toMatch(/^[fd] \S*\/(shadow|outside|home|self|up|root|zero) -> /m);
        return `${bytes.length} bytes, ${found.split('\n').length} lines, nothing from outside the folder`;
      },
      LONG_MS,
    );
  }

  securityCase('names of two lines: refused in a zip, packed as they are otherwise', async () => {
    await run(`${HOSTILE_FOLDER}\n${LINE_ENDS}`);
    const refusal = /400 PATH_INVALID/;
    const said = [
      await refused(sandbox.publishArtifact('/workspace/hostile', { format: 'zip' }), refusal),
      await refused(packers['fs/download as zip']?.() ?? Promise.resolve(), refusal),
    ];
    for (const skipUnreadable of [true, false]) {
      const format = skipUnreadable ? 'zip' : 'tar.zst';
      const stream = await sandbox.fs.download('/workspace/hostile', { format, skipUnreadable });
      await sandbox.fs.write(
        `/tmp/lines.${format}`,
        new Uint8Array(await new Response(stream).arrayBuffer()),
      );
      const { stdout: found } = await sandbox.exec('bash', ['-c', LOOK_INTO, 'look', `/tmp/lines.${format}`]);
      expect(found).toContain('plain.txt');
      expect(found).not.toMatch(SECRET);
      expect(found.includes('a\n/home/user/outside')).toBe(format === 'tar.zst');
      said.push(`${format}: nothing from outside`);
    }
    return said.join(', ');
  });

  securityCase('folders of root, by name, through a link, and through a link within the path', async () => {
    await run('ln -sfn / /workspace/way; ln -sfn /root /workspace/rooted');
    const said: string[] = [];
    for (const path of ['/root', '/workspace/rooted', '/workspace/way/root', '/var/lib/banata/exec', '/']) {
      for (const format of ['zip', 'tar.zst'] as const)
        said.push(await refused(sandbox.publishArtifact(path, { format }), /FILE_ACCESS|INVALID|NOT_FOUND/));
    }
    return [...new Set(said)].join(', ');
  });

  securityCase('a folder whose files turn into links while it is packed', async () => {
    await run(
      `rm -rf /workspace/racing; mkdir /workspace/racing; cd /workspace/racing; for i in $(seq 200); do echo harmless > $i; done
       (end=$((SECONDS + 12)); while [ $SECONDS -lt $end ]; do for i in 50 100 150; do ln -sfn /etc/shadow t; mv -T t $i; echo harmless > u; mv -T u $i; done; done) >/dev/null 2>&1 &`,
    );
    const seen = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const format = (['tar', 'zip'] as const)[round % 2] ?? 'tar';
      const bytes = await sandbox.fs
        .download('/workspace/racing', { format, skipUnreadable: true })
        .then(async (stream) => new Uint8Array(await new Response(stream).arrayBuffer()))
        .catch((error: unknown) => error as Error);
      if (bytes instanceof Error) {
        seen.add(bytes instanceof BanataError ? bytes.code : 'broken off');
        continue;
      }
      const file = `/tmp/racing.${format}`;
      await sandbox.fs.write(file, bytes);
      const { stdout: found } = await sandbox.exec('bash', ['-c', LOOK_INTO, 'look', file]);
      expect(found).toContain('./1 ->');
      expect(found).not.toMatch(SECRET);
      seen.add('packed');
    }
    expect([...seen]).toContain('packed');
    return [...seen].join(', ');
  });

  securityCase('keys and names of artifacts that lead elsewhere', async () => {
    await sandbox.fs.write('/workspace/a.txt', 'x');
    const said: string[] = [];
    for (const name of ['../a', '..', '.', 'a/b', '/etc/passwd', 'a\0b', 'x'.repeat(256), ''])
      said.push(await refused(sandbox.publishArtifact('/workspace/a.txt', { name }), /INVALID_REQUEST/));
    for (const key of ['../../secret/key', '/etc/passwd', '..', 'files/../../../api-key', 'files/%2e%2e/x'])
      said.push(await refused(sandbox.getArtifactDownloadUrl(key), /ARTIFACT_NOT_FOUND/));
    expect(await sandbox.deleteArtifact('../../api-key')).toBe(false);
    for (const artifactPrefix of ['../up', '/abs', 'a/../../b', 'a//b', 'a\0b'])
      said.push(
        await refused(banata.create({ capabilities: { storage: { artifactPrefix } } }), /INVALID_REQUEST/),
      );
    return [...new Set(said)].join(', ');
  });
});

describe('conversions of documents', () => {
  const convert = (path: string, output?: string): Promise<unknown> =>
    sandbox.convertDocument(path, {
      to: 'pdf',
      timeout: 40_000,
      ...(output === undefined ? {} : { output }),
    });

  securityCase(
    'sources of root, through links, FIFOs, devices and folders',
    async () => {
      const said: string[] = [];
      await run('rm -rf /workspace/doc; mkdir -p /workspace/doc/folder.txt; mkfifo /workspace/doc/fifo.txt');
      for (const target of [
        '/etc/shadow',
        '/run/banata/boxd.json',
        '/proc/kcore',
        '/root',
        '/proc/1/environ',
      ]) {
        await run(`ln -sfn ${target} /workspace/doc/link.txt`);
        // gVisor shows the environment of the first process, which holds nothing.
        if (target === '/proc/1/environ' && testedIsolation() === 'gvisor') continue;
        said.push(await refused(convert('/workspace/doc/link.txt')));
      }
      for (const path of ['/workspace/doc/fifo.txt', '/workspace/doc/folder.txt', '/workspace/doc/none.txt'])
        said.push(await refused(convert(path)));
      await run('ln -sfn /dev/zero /workspace/doc/zero.txt');
      said.push(await refused(convert('/workspace/doc/zero.txt')));
      return said.join(', ');
    },
    LONG_MS,
  );

  securityCase(
    'results to places of root, through links, onto FIFOs and folders',
    async () => {
      await sandbox.fs.write('/workspace/doc/a.txt', 'hello');
      await run(
        'cd /workspace/doc; ln -sfn /etc etc; ln -sfn /etc/passwd passwd.pdf; rm -rf f.pdf d.pdf; mkfifo f.pdf; mkdir d.pdf',
      );
      const before = await run('sha256sum /etc/passwd; ls -la /etc | wc -l', 'root');
      const said: string[] = [];
      for (const output of [
        '/etc/x.pdf',
        '/workspace/doc/etc/x.pdf',
        '/root/x.pdf',
        '/opt/banata/lib/boxd.cjs',
      ])
        said.push(await refused(convert('/workspace/doc/a.txt', output)));
      for (const output of ['/workspace/doc/passwd.pdf', '/workspace/doc/f.pdf', '/workspace/doc/d.pdf'])
        said.push((await outcome(convert('/workspace/doc/a.txt', output))).slice(0, 40));
      expect(await run('sha256sum /etc/passwd; ls -la /etc | wc -l', 'root')).toBe(before);
      return said.join(', ');
    },
    LONG_MS,
  );

  securityCase(
    'documents that are archives of harm',
    async () => {
      await run(`mkdir -p /workspace/bombs && cd /workspace/bombs && python3 - <<'EOF'
import zipfile
def docx(name, body, more=()):
    with zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('[Content_Types].xml', '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
        z.writestr('_rels/.rels', '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>')
        with z.open('word/document.xml', 'w', force_zip64=True) as part:
            for piece in body: part.write(piece.encode())
        for path, text in more: z.writestr(path, text)
head = '<?xml version="1.0"?>%s<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>%s'
tail = '</w:t></w:r></w:p></w:body></w:document>'
docx('bomb.docx', [head % ('', '')] + ['x' * (1 << 20)] * 3000 + [tail])
docx('climb.docx', [head % ('', 'hello'), tail], [('../../../../home/user/planted', 'x'), ('/home/user/planted', 'x')])
docx('entity.docx', [head % ('<!DOCTYPE d [<!ENTITY e SYSTEM "file:///home/user/outside">]>', '&e;'), tail])
laughs = '<!DOCTYPE d [<!ENTITY a "ha">' + ''.join('<!ENTITY %s "%s">' % (c, ('&%s;' % p) * 20) for p, c in zip('abcdefgh', 'bcdefghi')) + ']>'
docx('laughs.docx', [head % (laughs, '&i;'), tail])
open('entity.fodt', 'w').write('<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file:///home/user/outside">]><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text><text:p>&e;</text:p></office:text></office:body></office:document>')
open('frame.html', 'w').write('<p>hello</p><iframe src="file:///home/user/outside"></iframe><object data="file:///home/user/outside"></object>')
open('include.md', 'w').write('![](file:///home/user/outside)\\n\\n<iframe src="/home/user/outside"></iframe>\\n')
EOF`);
      const said: string[] = [];
      for (const name of [
        'bomb.docx',
        'climb.docx',
        'entity.docx',
        'laughs.docx',
        'entity.fodt',
        'frame.html',
        'include.md',
      ]) {
        const answer = await outcome(
          sandbox.convertDocument(`/workspace/bombs/${name}`, {
            to: 'pdf',
            output: '/workspace/bombs/out.pdf',
            timeout: 40_000,
          }),
        );
        said.push(`${name}: ${answer.slice(0, 40)}`);
        expect(answer).toMatch(/^(done|422|50[0-9]) (?!INTERNAL)/);
        const text = await run(
          'pdftotext out.pdf - 2>/dev/null; rm -f out.pdf; ls /home/user/planted',
          'user',
        );
        expect(text.replace('cannot access', '')).not.toMatch(SECRET);
        expect(text).toContain("'/home/user/planted': No such file");
        expect((await sandbox.exec('echo alive')).stdout).toBe('alive\n');
      }
      return said.join('; ');
    },
    LONG_MS,
  );
});

describe('working directories', () => {
  const folders = ['/root', '/etc/passwd', '/nowhere', '/workspace/rooted'];
  for (const cwd of folders) {
    securityCase(`a background process and a code context in ${cwd}`, async () => {
      await run('ln -sfn /root /workspace/rooted');
      const said: string[] = [];
      const started = sandbox.process.start('cat * .* 2>/dev/null', undefined, { cwd });
      said.push(
        await outcome(
          started.then(async ({ id }) => {
            const { exitCode } = await sandbox.process.wait(id, { timeout: 20_000 });
            const output = await sandbox.process.output(id);
            return { exitCode, output };
          }),
        ),
      );
      // A process that could not begin says so as its outcome.
      expect(said[0]).toMatch(/^4\d\d |"exitCode":[1-9]\d*,"output":\{"stdout":\{"offset":0,"nextOffset":0,/);
      const context = sandbox.contexts.create({ cwd }).then(async ({ id }) => {
        const made = await sandbox.runCode('import os; print(os.listdir("."))', { context: id });
        await sandbox.contexts.delete(id);
        return made;
      });
      // So does a context; nothing is read either way.
      said.push(await outcome(context));
      expect(said[1]).toMatch(/^4\d\d |"stdout":""/);
      return said.join(', ');
    });
  }
});

describe('files for the browser', () => {
  securityCase('giveFiles of what lies elsewhere, links, FIFOs, folders and unreadable files', async () => {
    await run(
      'cd /workspace; ln -sfn /etc/shadow evil; ln -sfn /etc/passwd evil2; rm -f fifo; mkfifo fifo; mkdir -p dir; echo x > mine; chmod 600 mine',
    );
    const paths = [
      '/etc/shadow',
      '/workspace/../etc/shadow',
      '/workspace/evil',
      '/workspace/evil2',
      '/workspace/fifo',
      '/workspace/dir',
      '/workspace/mine',
      '/workspace/none',
      '/proc/1/environ',
    ];
    const said: string[] = [];
    for (const path of paths)
      said.push(
        await refused(
          sandbox.browser.giveFiles([path], { selector: 'input', timeoutMs: 3_000 }),
          /INVALID|NOT_FOUND|DENIED|NOT_A/,
        ),
      );
    return said.join(', ');
  });

  securityCase('a download whose name leads elsewhere', async () => {
    await sandbox.fs.write(
      '/workspace/serve.py',
      `import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('content-type', 'application/octet-stream')
        name = self.path.split('=')[1] if '=' in self.path else 'x'
        self.send_header('content-disposition', 'attachment; filename*=UTF-8\\'\\'' + name)
        self.end_headers(); self.wfile.write(b'downloaded')
http.server.ThreadingHTTPServer(('127.0.0.1', 8124), H).serve_forever()`,
    );
    await sandbox.process.start('python3 /workspace/serve.py');
    await until('the server answers', async () =>
      (await sandbox.exec('curl -sf http://127.0.0.1:8124/ -o /dev/null')).exitCode === 0 ? true : undefined,
    );
    await run('ln -sfn /home/user/planted /workspace/linked.txt');
    const names = [
      '..%2f..%2f..%2fhome%2fuser%2fplanted',
      '%2fhome%2fuser%2fplanted',
      '..',
      '.bashrc',
      'linked.txt',
    ];
    for (const name of names)
      await sandbox.navigatePreview(`http://127.0.0.1:8124/?n=${name}`).catch(() => undefined);
    const found = await until('the downloads are there', async () => {
      const list = await run(
        "grep -rlZ downloaded /workspace /home /tmp /etc 2>/dev/null | tr '\\0' '\\n'",
        'root',
      );
      const files = list
        .split('\n')
        .filter((path) => !/^$|serve\.py$|^\/home\/desktop\/profile\//.test(path));
      return files.length >= 3 ? files : undefined;
    });
    expect(found.filter((path) => !path.startsWith('/workspace/'))).toEqual([]);
    expect(await run('ls /home/user/planted')).toContain('No such file');
    return found.join(', ');
  });
});

/** Puts a program of the attacker's in the place of one that the daemon uses. */
const replaced = (program: string, script: string): string =>
  `cp /usr/bin/${program} /usr/bin/${program}.real; printf '%s\\n' '#!/bin/bash' ${JSON.stringify(script)} > /tmp/p; chmod 755 /tmp/p; mv /tmp/p /usr/bin/${program}`;

describe('sandboxes whose root replaced the programs that pack', () => {
  securityCase(
    'a browser profile that is an archive of harm, in the next sandbox',
    async () => {
      const browser = { persistentProfile: true, profileKey: 'poisoned' };
      const first = await banata.launch({ capabilities: { browser } });
      await first.browser.start();
      await first.fs.write(
        '/workspace/evil.py',
        `import io, tarfile
out = tarfile.open('/workspace/evil.tar', 'w')
def add(name, **more):
    info = tarfile.TarInfo(name); data = more.pop('data', b'')
    info.size = len(data)
    for key, value in more.items(): setattr(info, key, value)
    out.addfile(info, io.BytesIO(data))
add('./kept', data=b'kept')
add('/home/desktop/planted', data=b'x'); add('../../../home/desktop/planted', data=b'x')
add('way', type=tarfile.SYMTYPE, linkname='/home/desktop'); add('way/planted', data=b'x')
add('hard', type=tarfile.LNKTYPE, linkname='/etc/passwd')
add('fifo', type=tarfile.FIFOTYPE); add('sda', type=tarfile.BLKTYPE, devmajor=8)
add('suid', data=b'#!/bin/sh', mode=0o6755, uid=0, gid=0)
add('banata-cookies.json', type=tarfile.SYMTYPE, linkname='/run/banata/boxd.json')
out.close()`,
      );
      await run(
        'python3 /workspace/evil.py && chmod 644 /workspace/evil.tar && zstd -qf /workspace/evil.tar',
        'root',
        first,
      );
      await run(replaced('tar', 'exec cat /workspace/evil.tar.zst'), 'root', first);
      const saved = await outcome(first.profile.save());
      await first.kill();
      const second = await outcome(
        banata.launch({ capabilities: { browser } }).then(async (next) => {
          await next.browser.start().catch(() => undefined);
          const found = await run(
            'ls -d /home/desktop/planted; find / -xdev \\( -name planted -o -perm /6000 -newer /run/banata/boxd.json \\) 2>/dev/null; find /home/desktop -type b -o -type c',
            'root',
            next,
          );
          await next.kill();
          return found.replace(/^ls: .*$/m, '').trim();
        }),
      );
      expect(second).toMatch(/^(done ""|0 SANDBOX_FAILED .* The profile could not be unpacked)/);
      return `saved: ${saved.slice(0, 60)}; the next sandbox: ${second}`;
    },
    LONG_MS,
  );

  securityCase(
    'packages without an end, that lie, and that hang',
    async () => {
      const attacker = await banata.launch();
      await run('mkdir -p /workspace/folder; echo x > /workspace/folder/x', 'user', attacker);
      const said: string[] = [];
      for (const script of [
        'head -c 100000000 /dev/urandom; exit 1',
        'echo no zip',
        'exit 0',
        'kill -9 $$',
      ]) {
        await run(replaced('zip', script), 'root', attacker);
        said.push((await outcome(attacker.publishArtifact('/workspace/folder'))).slice(0, 40));
      }
      await run(replaced('zip', 'sleep 600'), 'root', attacker);
      const hanging = attacker.artifacts.publish('/workspace/folder', { signal: AbortSignal.timeout(3_000) });
      await expect(hanging).rejects.toThrow();
      const page = await attacker.getArtifacts();
      expect(page.data.filter(({ state }) => state === 'failed')).toEqual([]);
      expect((await attacker.exec('echo alive')).stdout).toBe('alive\n');
      await attacker.kill();
      return said.join(', ');
    },
    LONG_MS,
  );
});

describe('checkpoints of a hostile tree', () => {
  securityCase(
    'links, FIFOs, setuid files and odd names come back in a fork as harmless as they were',
    async () => {
      const first = await banata.launch();
      await run('echo canary-outside > /home/user/outside', 'user', first);
      await run(HOSTILE_FOLDER, 'user', first);
      await run(
        'cp /usr/bin/id /workspace/suid && chmod 6755 /workspace/suid; chmod 4755 /usr/bin/env',
        'root',
        first,
      );
      // gVisor keeps FIFOs and sockets in its own memory; they are not on the disk.
      const kinds = testedIsolation() === 'gvisor' ? '! -type p ! -type s' : '-true';
      const listing = `cd /workspace && find . ${kinds} -printf '%y %m %u %p -> %l\\n' | sort | tr '\\033' '?'`;
      const before = await run(listing, 'user', first);
      await using second = await first.fork();
      expect(await run(listing, 'user', second)).toBe(before);
      const said = await run(
        'cat /workspace/hostile/shadow; /workspace/suid -u; env /usr/bin/id -u; cat /workspace/hostile/root/etc/shadow',
        'user',
        second,
      );
      expect(said).not.toMatch(/root:[*!]/);
      expect(said.split('\n').filter((line) => /^\d+$/.test(line))).toEqual(['1000', '1000']);
      await first.kill();
      return `${before.split('\n').length} entries, as they were`;
    },
    LONG_MS,
  );
});
