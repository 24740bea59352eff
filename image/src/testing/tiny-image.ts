import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImageDescription } from '../description.ts';

/** Files of the tiny image's two stages. The upper one removes, replaces and keeps what the lower one made. */
const FILES: Readonly<Record<string, string>> = {
  'low/files/srv/kept': 'low\n',
  'low/files/srv/removed': 'low\n',
  'low/files/srv/replaced/hidden': 'low\n',
  'low/setup.sh':
    '#!/bin/bash\nset -e\nuseradd --uid 1000 user\nln /srv/kept /srv/second-name\nmkfifo /srv/pipe\n',
  'high/files/srv/added': 'high\n',
  'high/setup.sh':
    '#!/bin/bash\nset -e\nrm /srv/removed\nrm -r /srv/replaced\nmkdir /srv/replaced\necho high >/srv/replaced/seen\n' +
    'echo owned >/srv/owned\nchown user /srv/owned\nchmod 4750 /srv/owned\n',
  'trust/setup.sh': '#!/bin/bash\nset -e\nupdate-ca-certificates\n',
};

/** Describes an image that takes seconds to build, with its files (some of them replaced) written below `folder`. */
export function tinyImage(folder: string, replaced: Readonly<Record<string, string>> = {}): ImageDescription {
  for (const [path, content] of Object.entries({ ...FILES, ...replaced })) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return {
    stages: [
      { name: 'low', packages: ['ca-certificates'], payload: [] },
      { name: 'high', packages: [], payload: [] },
    ],
    trust: { name: 'trust', packages: [], payload: [] },
    folder,
  };
}
