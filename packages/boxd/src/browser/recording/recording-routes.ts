import { boxRecordingIdSchema, boxRecordingOptionsSchema } from '@banata/protocol/box';
import { BoxError } from '../../http/route.ts';
import type { BoxRequest, BoxRoute } from '../../http/route.ts';
import type { Recorder } from './recorder.ts';

/** @param requireBrowser throws where the box has no browser. */
export function recordingRoutes(recorder: Recorder, requireBrowser: () => void): BoxRoute[] {
  return [
    {
      method: 'GET',
      path: '/browser/recordings',
      handle: async () => ({ recordings: await recorder.list() }),
    },
    {
      method: 'POST',
      path: '/browser/recordings/start',
      async handle(request) {
        const options = await request.json(boxRecordingOptionsSchema);
        requireBrowser();
        return recorder.start(options);
      },
    },
    {
      method: 'POST',
      path: '/browser/recordings/stop',
      handle: async (request) => recorder.stop((await request.json(boxRecordingIdSchema)).recordingId),
    },
    {
      method: 'GET',
      path: '/browser/recordings/content',
      async handle(request) {
        await recorder.send(idOf(request), request.response, request.signal);
        return undefined;
      },
    },
    {
      method: 'DELETE',
      path: '/browser/recordings',
      async handle(request) {
        await recorder.remove(idOf(request));
        return { ok: true };
      },
    },
  ];
}

function idOf({ url }: BoxRequest): string {
  const given = boxRecordingIdSchema.safeParse({ recordingId: url.searchParams.get('recordingId') });
  if (!given.success) throw new BoxError(400, 'INVALID_FIELD', 'recordingId: the id of a recording');
  return given.data.recordingId;
}
