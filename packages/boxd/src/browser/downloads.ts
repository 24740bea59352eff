import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BoxEventBody } from '@banata/protocol/box';
import { z } from 'zod';
import type { Account } from '../services.ts';
import type { OwnEvent } from './cdp-broker.ts';

const beginSchema = z.object({ guid: z.string(), url: z.string(), suggestedFilename: z.string() });
const progressSchema = z.object({
  guid: z.string(),
  receivedBytes: z.number(),
  state: z.enum(['inProgress', 'completed', 'canceled']),
  filePath: z.string().optional(),
});

const MAX_UNDER_WAY = 200;
const MAX_URL = 2048;
const MAX_NAME = 255;

type Download = Extract<BoxEventBody, { type: 'browser.download' }>;

/** Follows the browser's downloads and tells of each that has ended. */
export class Downloads {
  readonly #folder: string;
  readonly #workspace: string;
  readonly #onEnd: (download: Download) => void;
  readonly #underWay = new Map<string, z.infer<typeof beginSchema>>();

  constructor(options: { folder: string; workspace: string; onEnd: (download: Download) => void }) {
    this.#folder = options.folder;
    this.#workspace = options.workspace;
    this.#onEnd = options.onEnd;
  }

  /** Must get every own event of the broker. */
  handle({ method, params, sessionId }: OwnEvent): void {
    if (sessionId !== undefined) return;
    if (method === 'Browser.downloadWillBegin') {
      const parsed = beginSchema.safeParse(params);
      if (parsed.success && this.#underWay.size < MAX_UNDER_WAY)
        this.#underWay.set(parsed.data.guid, parsed.data);
    } else if (method === 'Browser.downloadProgress') {
      const parsed = progressSchema.safeParse(params);
      if (parsed.success && parsed.data.state !== 'inProgress') this.#end(parsed.data);
    }
  }

  #end({ guid, state, receivedBytes, filePath }: z.infer<typeof progressSchema>): void {
    const begun = this.#underWay.get(guid);
    if (!begun || state === 'inProgress') return;
    this.#underWay.delete(guid);
    // A name that is taken gets a number; what the browser says of the path counts.
    const path = filePath || join(this.#folder, basename(begun.suggestedFilename));
    this.#onEnd({
      type: 'browser.download',
      data: {
        state,
        url: begun.url.slice(0, MAX_URL),
        fileName: basename(path).slice(0, MAX_NAME),
        path: state === 'completed' && path.startsWith(`${this.#workspace}/`) ? path : null,
        bytes: receivedBytes,
      },
    });
  }
}

/**
 * Gives a download to the group of the user, who may then change it: Chromium begins downloads elsewhere and moves them
 * here. By descriptor and without following links, since the user may write in the folder and the daemon is root.
 * @throws when something else lies at the path.
 */
export async function shareDownload(
  path: string,
  { desktop, user }: { desktop: Account; user: Account },
): Promise<void> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const folder = await open(dirname(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const file = await open(
      `/proc/self/fd/${folder.fd}/${basename(path)}`,
      O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
    );
    try {
      const info = await file.stat();
      if (info.isFile() && info.uid === desktop.uid) await file.chown(desktop.uid, user.gid);
    } finally {
      await file.close();
    }
  } finally {
    await folder.close();
  }
}
