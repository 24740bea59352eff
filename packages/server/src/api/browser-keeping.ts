import { contract } from '@banata/protocol';
import type { ProfileService } from '../services/browser-keeping/profiles.ts';
import type { RecordingService } from '../services/browser-keeping/recordings.ts';
import type { Mount } from './mount.ts';

export interface BrowserKeepingDeps {
  recordings: RecordingService;
  profiles: ProfileService;
}

export function mountBrowserKeeping(mount: Mount, { recordings, profiles }: BrowserKeepingDeps): void {
  const { startRecording, stopRecording, listRecordings, saveProfile, listProfiles, deleteProfile } =
    contract.browserKeeping;

  mount.route(startRecording, ({ caller, body }) => recordings.start(caller, body));

  mount.route(stopRecording, ({ caller, body, signal }) => recordings.stop(caller, body, signal));

  mount.route(listRecordings, ({ caller, query }) => recordings.list(caller, query.id));

  mount.route(saveProfile, ({ caller, body, signal }) => profiles.save(caller, body.id, signal));

  mount.route(listProfiles, ({ caller }) => profiles.list(caller));

  mount.route(deleteProfile, ({ caller, query }) => profiles.delete(caller, query.profileKey));
}
