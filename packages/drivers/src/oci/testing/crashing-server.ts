/*
 * A server for tests that are about its sudden end: starts the driver, says so, and makes and destroys boxes until it
 * is killed. Its arguments are the options of its subject, and the id of a box that it makes first and keeps.
 */
import { randomBytes } from 'node:crypto';

import { OciSubject } from './oci-subject.ts';
import type { OciSubjectOptions } from './oci-subject.ts';

const [options = '{}', keptId = ''] = process.argv.slice(2);
const subject = new OciSubject(JSON.parse(options) as OciSubjectOptions);
const driver = subject.createDriver({ warm: 1 });
const { signal } = new AbortController();
await driver.start();
await driver.create({ id: keptId, limits: subject.limits }, signal);
process.stdout.write('started\n');
for (;;) {
  const ids = Array.from({ length: 2 }, () => randomBytes(16).toString('hex'));
  await Promise.all(ids.map((id) => driver.create({ id, limits: subject.limits }, signal)));
  await Promise.all(ids.map((id) => driver.destroy(id)));
}
