import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { describeDriver } from '../conformance/suite.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';
import { testIsolations } from './testing/test-isolations.ts';

const imageLayers = testImageLayers(process.env);

let home: string;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
});

afterAll(async () => await rm(home, { recursive: true, force: true }));

for (const isolation of testIsolations(process.env)) {
  let subject: OciSubject;
  beforeAll(() => {
    subject = new OciSubject({ home, imageLayers, isolation });
  });
  describeDriver(`oci (${isolation})`, () => subject);
}
