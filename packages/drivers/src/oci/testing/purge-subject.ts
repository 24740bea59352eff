/*
 * Takes what tests of the driver made, and being killed did not remove, off the host. Its argument is the folder of the
 * test's installations.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { namesIn } from '../files.ts';
import { OciSubject, SUBJECT_FILE } from './oci-subject.ts';
import type { OciSubjectOptions } from './oci-subject.ts';

const [home = ''] = process.argv.slice(2);
const options = JSON.parse(await readFile(path.join(home, SUBJECT_FILE), 'utf8')) as OciSubjectOptions;
const subject = new OciSubject(options);
const present = await namesIn(home);
for (const installation of ['first', 'second'] as const) {
  if (present.includes(installation)) await subject.createDriver({ installation }).purge();
}
