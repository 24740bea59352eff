import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { describeDriver } from '../conformance/suite.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';

const imageLayers = testImageLayers(process.env);

let home: string;
let subject: OciSubject;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
  subject = new OciSubject({ home, imageLayers });
});

afterAll(async () => await rm(home, { recursive: true, force: true }));

describeDriver('oci', () => subject);
