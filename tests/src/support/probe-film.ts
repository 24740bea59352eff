import type { Sandbox } from '@banata-boxes/sdk';

/** What ffprobe says of a film. */
export interface Film {
  codec: string;
  width: number;
  height: number;
  seconds: number;
}

/** Looks into a film with the ffprobe of a sandbox. */
export async function probeFilm(lab: Sandbox, film: Uint8Array<ArrayBuffer>): Promise<Film> {
  await lab.fs.write('/tmp/film.mp4', film);
  const fields = 'stream=codec_name,width,height:format=duration';
  const probed = await lab.exec(`ffprobe -v error -show_entries ${fields} -of json /tmp/film.mp4`);
  const { streams, format } = JSON.parse(probed.stdout) as {
    streams: [{ codec_name: string; width: number; height: number }];
    format: { duration: string };
  };
  const [{ codec_name: codec, width, height }] = streams;
  return { codec, width, height, seconds: Number(format.duration) };
}

/** A picture of a film, PNG. @param at seconds from its beginning. */
export async function frameOf(lab: Sandbox, film: Uint8Array<ArrayBuffer>, at: number): Promise<Uint8Array> {
  await lab.fs.write('/tmp/film.mp4', film);
  await lab.exec(`ffmpeg -v error -y -ss ${at} -i /tmp/film.mp4 -frames:v 1 /tmp/frame.png`);
  return lab.fs.readBytes('/tmp/frame.png');
}
