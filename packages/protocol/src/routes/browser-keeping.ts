import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  browserProfileListSchema,
  browserProfileSchema,
  deleteProfileReplySchema,
  profileKeySchema,
  saveProfileSchema,
} from '../schemas/profiles.ts';
import {
  keptRecordingSchema,
  recordingListSchema,
  recordingSchema,
  startRecordingSchema,
  stopRecordingSchema,
} from '../schemas/recording.ts';

const tag = 'Browser';
const errors = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'BROWSER_NOT_ENABLED',
  'SANDBOX_UNREACHABLE',
  'SANDBOX_TIMEOUT',
] satisfies ErrorCode[];
const storeErrors = ['HOST_DISK_FULL', 'STORE_UNAVAILABLE', 'PAYLOAD_TOO_LARGE'] satisfies ErrorCode[];

export const startRecording = defineRoute({
  id: 'sandboxes.recording.start',
  method: 'POST',
  path: '/v1/sandboxes/browser/recording/start',
  tag,
  summary: 'Record the desktop of the browser as MP4',
  auth: 'sandbox_sessions:exec',
  audit: ['frameRate', 'bitrateKbps'],
  body: startRecordingSchema,
  reply: { kind: 'json', status: 201, schema: recordingSchema },
  errors: [...errors, 'CONFLICT', 'PLAN_FEATURE_UNAVAILABLE', 'SANDBOX_EXHAUSTED', 'NOT_SUPPORTED'],
});

export const stopRecording = defineRoute({
  id: 'sandboxes.recording.stop',
  method: 'POST',
  path: '/v1/sandboxes/browser/recording/stop',
  tag,
  summary: 'End the recording and keep its film as an artifact',
  description: 'What could not be kept stays in the sandbox, and the same call tries again.',
  auth: 'sandbox_sessions:exec',
  audit: ['recordingId'],
  body: stopRecordingSchema,
  reply: { kind: 'json', status: 200, schema: keptRecordingSchema },
  errors: [...errors, ...storeErrors, 'ARTIFACT_QUOTA_EXCEEDED', 'RECORDING_NOT_FOUND'],
});

export const listRecordings = defineRoute({
  id: 'sandboxes.recording.list',
  method: 'GET',
  path: '/v1/sandboxes/browser/recordings',
  tag,
  summary: 'The recording that runs, and those that are not artifacts yet',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: recordingListSchema },
  errors,
});

export const saveProfile = defineRoute({
  id: 'sandboxes.profile.save',
  method: 'POST',
  path: '/v1/sandboxes/browser/profile/save',
  tag,
  summary: 'Save the browser profile of the sandbox now; it is saved at the end anyway',
  description: 'Pages stand still meanwhile, for less than a second as a rule.',
  auth: 'sandbox_sessions:exec',
  body: saveProfileSchema,
  reply: { kind: 'json', status: 200, schema: browserProfileSchema },
  errors: [...errors, ...storeErrors, 'PROFILE_NOT_FOUND'],
});

export const listProfiles = defineRoute({
  id: 'profiles.list',
  method: 'GET',
  path: '/v1/browser-profiles',
  tag,
  summary: 'Browser profiles that the organization keeps',
  auth: 'sandbox_sessions:read',
  reply: { kind: 'json', status: 200, schema: browserProfileListSchema },
  errors: [],
});

export const deleteProfile = defineRoute({
  id: 'profiles.delete',
  method: 'DELETE',
  path: '/v1/browser-profiles',
  tag,
  summary: 'Delete a browser profile that no sandbox uses',
  auth: 'sandbox_sessions:delete',
  audit: ['profileKey'],
  query: z.strictObject({ profileKey: profileKeySchema }),
  reply: { kind: 'json', status: 200, schema: deleteProfileReplySchema },
  errors: ['PROFILE_IN_USE'],
});
