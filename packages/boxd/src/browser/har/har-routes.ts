import { pipeline } from 'node:stream/promises';
import { BoxError } from '../../http/route.ts';
import type { BoxRoute } from '../../http/route.ts';
import type { HarRecorder } from './har-recorder.ts';

/** @param recorder the recorder, where the configuration asks for one. */
export function harRoutes(recorder: () => HarRecorder | undefined): BoxRoute[] {
  return [
    {
      method: 'GET',
      path: '/browser/har',
      async handle({ response, signal }) {
        const har = recorder();
        if (!har) throw new BoxError(404, 'HAR_OFF', 'This browser was not asked to keep a HAR file.');
        const content = await har.read();
        response.writeHead(200, { 'content-type': 'application/json' });
        await pipeline(content, response, { signal });
        return undefined;
      },
    },
  ];
}
