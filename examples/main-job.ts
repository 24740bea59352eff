// The main job in one file: node examples/main-job.ts
// Needs a running server (./banata up --detach --json), BANATA_API_KEY from its output, and a model key.
import { BanataSandbox } from '@banata-boxes/sdk';

const { BANATA_API_KEY: apiKey = '', OPENROUTER_API_KEY = '', OPENROUTER_MODEL = '' } = process.env;

const banata = new BanataSandbox({ apiKey });
await using sandbox = await banata.launch({
  env: { OPENROUTER_API_KEY, OPENROUTER_MODEL },
  capabilities: { browser: {}, agent: { enabled: true } },
});
console.log('Watch:', await sandbox.getPreviewViewerUrl());

const { taskId } = await sandbox.promptAsync(
  'Open https://www.debian.org in the browser and write what is new to /workspace/report.md.',
  { metadata: { jobId: 'job-1' } },
);
const task = await sandbox.waitForTask(taskId);
console.log(task.status, task.resultText);

console.log(await sandbox.fs.read('/workspace/report.md'));
const artifact = await sandbox.publishArtifact('/workspace/report.md');
console.log('Download:', (await sandbox.getArtifactDownloadUrl(artifact.key)).url);
