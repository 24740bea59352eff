import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';

let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;

beforeAll(async () => {
  installation = await Installation.start();
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch({ capabilities: { documents: { libreofficeHeadless: true } } });
});

afterAll(() => installation?.remove());

test('a report becomes a PDF, is told by an event and kept as an artifact', async () => {
  await sandbox.fs.write('/workspace/report.html', '<h1>Report</h1><p>Für alle.</p>');
  const made = await sandbox.convertDocument('/workspace/report.html', { to: 'pdf', publish: true });
  expect(made).toMatchObject({ path: '/workspace/report.pdf', pages: 1, artifactKey: 'files/report.pdf' });
  const content = await sandbox.artifacts.download(made.artifactKey ?? '');
  expect(content.length).toBe(made.size);
  expect(new TextDecoder().decode(content.subarray(0, 5))).toBe('%PDF-');
  for await (const event of sandbox.events({ signal: AbortSignal.timeout(10_000) })) {
    if (event.type !== 'sandbox.document.converted') continue;
    const outputs = ['/workspace/report.pdf'];
    expect(event.data).toEqual({ source: '/workspace/report.html', outputs, format: 'pdf' });
    break;
  }
});

test('the commands of the documentation work as they are written there', async () => {
  await sandbox.convertDocument('/workspace/report.html', { to: 'docx', output: '/workspace/document.docx' });
  await sandbox.fs.write('/workspace/list.csv', 'a,b\n1,2\n');
  await sandbox.convertDocument('/workspace/list.csv', { to: 'xlsx', output: '/workspace/spreadsheet.xlsx' });
  const commands = [
    'libreoffice --headless --convert-to pdf document.docx',
    'libreoffice --headless --convert-to csv spreadsheet.xlsx',
  ];
  for (const command of commands) expect(await sandbox.exec(command)).toMatchObject({ exitCode: 0 });
  expect(await sandbox.fs.read('/workspace/spreadsheet.csv')).toBe('a,b\n1,2\n');
  expect((await sandbox.exec('pdftotext document.pdf -')).stdout).toContain('Für alle.');
});

test('what goes wrong is said, with a code and what to do', async () => {
  await sandbox.fs.write('/workspace/broken.docx', 'nothing of the kind');
  await expect(sandbox.convertDocument('broken.docx', { to: 'pdf' })).rejects.toMatchObject({
    status: 422,
    code: 'DOCUMENT_BROKEN',
  });
  await expect(sandbox.convertDocument('broken.docx', { to: 'xlsx' })).rejects.toMatchObject({
    status: 422,
    code: 'DOCUMENT_BROKEN',
  });
  await expect(sandbox.convertDocument('report.html', { to: 'xlsx' })).rejects.toMatchObject({
    status: 400,
    code: 'CONVERSION_UNSUPPORTED',
  });
  await expect(sandbox.convertDocument('report.html', { to: 'pdf', timeout: 5 })).rejects.toMatchObject({
    status: 504,
    code: 'SANDBOX_TIMEOUT',
  });
});

test('without the capability 409 says how to enable it', async () => {
  await using plain = await banata.launch();
  await expect(plain.convertDocument('report.html', { to: 'pdf' })).rejects.toMatchObject({
    status: 409,
    code: 'DOCUMENTS_NOT_ENABLED',
    suggestion: 'Create the sandbox with capabilities: { documents: { libreofficeHeadless: true } }.',
  });
});
