import type { BoxConversionResult } from '@banata/protocol/box';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from '../index.ts';
import { startImageBox, type ImageBox } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';
import { encryptedText } from './testing/encrypted-text.ts';
import { opening } from './testing/macro-documents.ts';
import { commented, crashing, sampleDocuments, withLinks } from './testing/sample-documents.ts';

const all = process.env['BANATA_TEST_ALL'] === '1';
const runtimes = all ? (['runc', 'runsc'] as const) : (['runc'] as const);

/** The whole table with `--all`, else its first line: each line is a conversion or two. */
function some<T>(table: readonly T[]): readonly T[] {
  return all ? table : table.slice(0, 1);
}

describe.each(runtimes)('documents in %s', (runtime) => {
  let box: ImageBox;

  beforeAll(async () => {
    box = await startImageBox({ layers: imageLayers(process.env), boxDirectory, runtime, pids: 1024 });
    const config = {
      sandboxId: 'test',
      runtime: 'base',
      env: {},
      browser: null,
      agent: null,
      documents: true,
    };
    expect(await box.send('PUT', '/config', config)).toMatchObject({ status: 200 });
    for (const [name, content] of Object.entries(sampleDocuments)) await write(name, content);
  }, 60_000);

  afterAll(() => box?.close());

  async function write(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const reply = await box.fetch(`/files/write?path=${name}`, { method: 'PUT', body: content });
    expect(reply.status).toBe(200);
  }

  async function read(path: string): Promise<string> {
    return (await box.fetch(`/files/read?path=${encodeURIComponent(path)}`)).text();
  }

  async function run(command: string, timeoutMs = 60_000): Promise<{ stdout: string; exitCode: number }> {
    const { body } = await box.send('POST', '/exec', { command, timeoutMs });
    return body as { stdout: string; exitCode: number };
  }

  const ask = (path: string, to: string, more: object = {}) =>
    box.send('POST', '/documents/convert', { path, to, timeoutMs: 60_000, ...more });

  async function convert(path: string, to: string, more: object = {}): Promise<BoxConversionResult> {
    const { status, body } = await ask(path, to, more);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as unknown as BoxConversionResult;
  }

  test.each(
    some([
      ['report.md', ['Quarterly report', '日本語', 'apples', '12']],
      ['page.html', ['Grüße', 'two']],
      ['note.txt', ['naïve café']],
      ['letter.fodt', ['Letter', 'end']],
      ['numbers.csv', ['Äpfel', 'a; b', '2.25']],
      ['slides.fodp', ['First slide', 'Third slide']],
    ] as const),
  )('%s becomes a PDF with its text in it', async (name, texts) => {
    const made = await convert(name, 'pdf', { output: `out/${name}.pdf` });
    expect(made.pages).toBe(name === 'slides.fodp' ? 3 : 1);
    const { stdout } = await run(`pdftotext out/${name}.pdf -`);
    for (const text of texts) expect(stdout).toContain(text);
  });

  test.each(
    some([
      ['report.md', 'docx'],
      ['letter.fodt', 'odt'],
      ['page.html', 'rtf'],
      ['sheets.fods', 'xlsx'],
      ['sheets.fods', 'ods'],
      ['slides.fodp', 'pptx'],
      ['slides.fodp', 'odp'],
    ] as const),
  )('%s becomes %s, and that can be read again', async (name, to) => {
    const output = `again/${name}.${to}`;
    await convert(name, to, { output });
    const { outputs, pages } = await convert(output, 'txt');
    expect(pages).toBe({ docx: null, odt: null, rtf: null, pptx: 3, odp: 3, xlsx: 2, ods: 2 }[to]);
    const text = await read(outputs[0]?.path ?? '');
    expect(text).toMatch(/Quarterly report|Letter|Grüße|in Two|Second slide/);
  });

  test('a sheet becomes CSV with numbers as numbers', async () => {
    await convert('numbers.csv', 'xlsx');
    await convert('numbers.xlsx', 'csv', { output: 'back.csv', options: { delimiter: '|' } });
    expect(await read('back.csv')).toBe('name|count|price\nÄpfel|3|1.5\na; b|4|2.25\n');
    await convert('sheets.fods', 'csv', { options: { sheet: 2 } });
    expect(await read('sheets.csv')).toBe('in Two,22\n');
    expect(await ask('sheets.fods', 'csv', { options: { sheet: 3 } })).toMatchObject({ status: 400 });
  });

  test('a document with a comment is converted, from one kind to the next', async () => {
    await write('commented.fodt', commented);
    await convert('commented.fodt', 'docx', { output: 'commented.docx' });
    await convert('commented.docx', 'pdf', { output: 'commented.pdf' });
    expect((await run('pdftotext commented.pdf -')).stdout).toContain('before after');
  });

  test('a picture that is wider than the page is made to fit, one with a size keeps it', async () => {
    await write(
      'make-picture.py',
      `import struct, zlib
def chunk(name, data): return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
rows = b'\\0' * (1280 * 3 + 1) * 800
open('wide.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1280, 800, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))`,
    );
    await run('python3 make-picture.py');
    await write('wide.md', '![the screen](wide.png)\n');
    await write('sized.html', '<p><img src="wide.png" alt="x" width="320"></p>');
    const widthOf = async (source: string): Promise<number> => {
      await convert(source, 'pdf', { output: `${source}.pdf` });
      const { stdout } = await run(`pdfimages -list ${source}.pdf | tail -1 | awk '{ print $4, $13 }'`);
      const [pixels = NaN, perInch = NaN] = stdout.trim().split(' ').map(Number);
      return pixels / perInch;
    };
    // Inches: 640 and 320 of the 96 CSS pixels an inch has.
    expect(await widthOf('wide.md')).toBeCloseTo(640 / 96, 0);
    expect(await widthOf('sized.html')).toBeCloseTo(320 / 96, 0);
  });

  test('pages become pictures and text, all or some', async () => {
    const all = await convert('slides.fodp', 'png', { options: { dpi: 40 } });
    expect(all).toMatchObject({ pages: 3 });
    expect(all.outputs.map(({ path }) => path)).toEqual(
      [1, 2, 3].map((page) => `/workspace/slides-${page}.png`),
    );
    expect((await run('file slides-2.png')).stdout).toContain('PNG image data');
    await convert('slides.fodp', 'pdf');
    const some = await convert('slides.pdf', 'png', { output: 'some.png', options: { pages: '2-9' } });
    expect(some.outputs.map(({ path }) => path)).toEqual(['/workspace/some-2.png', '/workspace/some-3.png']);
    const one = await convert('slides.pdf', 'txt', { options: { pages: '3' } });
    expect(one.pages).toBe(1);
    expect(await read('slides.txt')).toContain('Third slide');
    const few = await convert('slides.fodp', 'pdf', { output: 'few.pdf', options: { pages: '1,3' } });
    expect(few.pages).toBe(2);
    expect(await ask('slides.pdf', 'png', { options: { pages: '7' } })).toMatchObject({ status: 400 });
  });

  test('what cannot be converted is refused by name', async () => {
    await write('empty.docx', '');
    await write('broken.docx', 'no package at all');
    await run(
      'head -c 3000 again/report.md.docx >cut.docx; echo %PDF-1.4 >cut.pdf; mkfifo pipe.txt; mkdir -p folder.pdf',
    );
    await write('wrong.xlsx', 'PK');
    await run(
      "printf '\\xd0\\xcf\\x11\\xe0\\xa1\\xb1\\x1a\\xe1 and then something else' | tee hollow.doc >hollow.docx",
    );
    const cases = [
      ['none.docx', 'pdf', {}, 404, 'FILE_NOT_FOUND'],
      ['empty.docx', 'pdf', {}, 422, 'DOCUMENT_BROKEN'],
      ['broken.docx', 'pdf', {}, 422, 'DOCUMENT_BROKEN'],
      ['cut.docx', 'pdf', {}, 422, 'DOCUMENT_BROKEN'],
      ['cut.pdf', 'txt', {}, 422, 'DOCUMENT_BROKEN'],
      ['wrong.xlsx', 'csv', {}, 422, 'DOCUMENT_BROKEN'],
      ['hollow.doc', 'pdf', {}, 422, 'DOCUMENT_BROKEN'],
      ['hollow.docx', 'pdf', {}, 422, 'DOCUMENT_BROKEN'],
      ['pipe.txt', 'pdf', {}, 400, 'NOT_A_FILE'],
      ['note.txt', 'xlsx', {}, 400, 'CONVERSION_UNSUPPORTED'],
      ['back.bin', 'pdf', {}, 404, 'FILE_NOT_FOUND'],
      ['note.txt', 'pdf', { output: 'folder.pdf' }, 400, 'IS_DIRECTORY'],
      ['note.txt', 'pdf', { output: 'note.txt' }, 400, 'INVALID_FIELD'],
      ['note.txt', 'pdf', { output: '/etc/x.pdf' }, 403, 'PERMISSION_DENIED'],
      ['note.txt', 'pdf', { options: { pages: '3-1' } }, 400, 'INVALID_FIELD'],
    ] as const;
    for (const [path, to, more, status, code] of cases)
      expect(await ask(path, to, more), path).toMatchObject({ status, body: { code } });
  });

  test('encrypted documents need their password', async () => {
    const filter = {
      EncryptFile: { type: 'boolean', value: 'true' },
      DocumentOpenPassword: { type: 'string', value: 'sesame' },
    };
    const asPdf = `pdf:writer_pdf_Export:${JSON.stringify(filter)}`;
    await run(`libreoffice --headless --convert-to '${asPdf}' --outdir locked note.txt`);
    await write('make-locked.py', encryptedText('locked/note.odt', 'naïve café', 'sesame'));
    expect(await run('python3 make-locked.py')).toMatchObject({ exitCode: 0 });
    for (const path of ['locked/note.pdf', 'locked/note.odt']) {
      for (const options of [{}, { password: 'wrong' }])
        expect(await ask(path, 'txt', { options }), path).toMatchObject({
          status: 422,
          body: { code: 'DOCUMENT_ENCRYPTED' },
        });
      await convert(path, 'txt', { output: 'locked.txt', options: { password: 'sesame' } });
      expect(await read('locked.txt')).toContain('naïve café');
    }
  });

  test('nothing is fetched from the network', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const documents = withLinks(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      for (const [name, content] of Object.entries(documents)) {
        await write(name, content);
        await convert(name, 'pdf');
      }
      expect(asked).toEqual([]);
      // The same page by hand, where a command has the network that the sandbox has: the listener works.
      await run('libreoffice --headless --convert-to pdf --outdir out links.html');
      expect(asked).not.toEqual([]);
    } finally {
      server.close();
    }
  });

  test('macros never run: each of two locks alone holds', async () => {
    const setting = '/usr/lib/libreoffice/share/registry/banata.xcd';
    await write('opening.py', opening.script);
    for (const [name, content] of some(Object.entries(opening.documents))) {
      await write(name, content);
      const ran = async (told: string, seconds: number): Promise<string> => {
        const how = `python3 -IB opening.py ${name} '${told}' ${seconds}`;
        expect(await run(how), how).toMatchObject({ exitCode: 0 });
        return (await run(`ls -d ${name}.ran && rmdir ${name}.ran`)).stdout.trim();
      };
      const allowed = 'EnableMacrosExecution=true,MacroSecurityLevel=0';
      await convert(name, 'pdf');
      expect(await ran(allowed, 1.5)).toBe('');
      expect(await run(`sudo mv ${setting} /root/`)).toMatchObject({ exitCode: 0 });
      try {
        // As conversions open documents.
        expect(await ran('Batch=true', 1.5)).toBe('');
        // Without either lock it runs: the document does what a hostile one would.
        expect(await ran(allowed, 20)).toBe(`${name}.ran`);
      } finally {
        expect(await run(`sudo mv /root/banata.xcd ${setting}`)).toMatchObject({ exitCode: 0 });
      }
    }
  });

  // Twenty offices on a machine that others use, too: a limit for each that only a hang reaches.
  test.runIf(all)(
    'of twenty at once, one crashes its process, and the others come back',
    { timeout: 200_000 },
    async () => {
      const patient = { timeoutMs: 180_000 };
      await write('deep.fodp', crashing);
      const jobs = Array.from({ length: 20 }, (_, index) =>
        index === 7
          ? ask('deep.fodp', 'pdf', patient)
          : ask('report.md', 'pdf', { ...patient, output: `many/${index}.pdf` }),
      );
      const replies = await Promise.all(jobs);
      expect(replies[7]).toMatchObject({ status: 422, body: { code: 'CONVERSION_FAILED' } });
      expect(replies[7]?.body['error']).toContain('SIGSEGV');
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
      expect((await run('ls many | wc -l')).stdout.trim()).toBe('19');
    },
  );

  test('conversions outlive the end of the program that does them', async () => {
    const jobs = Array.from({ length: 8 }, (_, index) =>
      convert('report.md', 'docx', { output: `over/${index}.docx` }),
    );
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(150);
      await run('pkill -9 -f "banata-convert --serve"');
    }
    expect(await Promise.all(jobs)).toHaveLength(8);
  });

  test('a conversion ends at its timeout, and nothing of any is left', async () => {
    expect(await ask('report.md', 'pdf', { timeoutMs: 5 })).toMatchObject({
      status: 504,
      body: { code: 'CONVERSION_TIMEOUT' },
    });
    await convert('report.md', 'pdf');
    const left = await run(
      'find / -xdev \\( -name "*.part" -o -name ".~lock*" \\) -path "*work*" 2>/dev/null; ls -d /tmp/banata-documents-*/* /tmp/lu* /home/user/.config/libreoffice/*/lu* 2>/dev/null',
    );
    expect(left.stdout).toBe('');
  });

  test('the program in the sandbox does the same', async () => {
    const { stdout, exitCode } = await run('banata-convert report.md --to pdf --output by-hand.pdf');
    expect({ stdout, exitCode }).toEqual({ stdout: '/workspace/by-hand.pdf\n', exitCode: 0 });
    expect((await run('banata-convert empty.docx --to pdf')).exitCode).toBe(1);
  });
});

test('without the configuration for it, nothing is converted', async () => {
  await using stack = new AsyncDisposableStack();
  const box = await startImageBox({ layers: imageLayers(process.env), boxDirectory });
  stack.defer(() => box.close());
  await box.send('PUT', '/config', {
    sandboxId: 'test',
    runtime: 'base',
    env: {},
    browser: null,
    agent: null,
  });
  const reply = await box.send('POST', '/documents/convert', { path: 'x.txt', to: 'pdf', timeoutMs: 1000 });
  expect(reply).toMatchObject({ status: 409, body: { code: 'DOCUMENTS_OFF' } });
});
