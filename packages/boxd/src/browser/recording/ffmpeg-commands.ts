import type { BoxRecordingOptions, Viewport } from '@banata/protocol/box';

/** What is lost at most when everything is killed at once. */
const FRAGMENT_SECONDS = 1;
const KEYFRAME_SECONDS = 4;

export interface SegmentOptions extends Pick<BoxRecordingOptions, 'frameRate' | 'bitrateKbps'> {
  display: string;
  /** Size of the screen now. */
  screen: Viewport;
  /** Size of the film, which stays when the screen's changes. */
  film: Viewport;
  output: string;
}

/** The size of a film of a screen: H.264 with halved colour planes wants even sides. */
export function filmSize({ width, height }: Viewport): Viewport {
  return { width: width - (width % 2), height: height - (height % 2) };
}

/**
 * Records the screen until the process gets a TERM. Fragmented MP4 that is whole up to its last fragment, whatever
 * happens to the process. Frames equal to the one before are dropped ahead of the encoder, but one a second is kept, so
 * that a still screen costs little and the film's clock goes on.
 */
export function segmentCommand(options: SegmentOptions): [string, ...string[]] {
  const { display, screen, film, frameRate, bitrateKbps, output } = options;
  const fits = screen.width === film.width && screen.height === film.height;
  const size = `${film.width}:${film.height}`;
  const filters = [
    // The frames of a screen have no noise: any difference counts.
    ...(frameRate > 1 ? [`mpdecimate=hi=1:lo=1:frac=0:max=${frameRate - 1}`] : []),
    ...(fits ? [] : [`scale=${size}:force_original_aspect_ratio=decrease`, `pad=${size}:-1:-1`, 'setsar=1']),
    'format=yuv420p',
  ];
  const groups = [
    ['-hide_banner', '-loglevel', 'error', '-nostdin', '-nostats'],
    ['-f', 'x11grab', '-draw_mouse', '1', '-framerate', String(frameRate)],
    ['-video_size', `${screen.width}x${screen.height}`, '-i', display],
    ['-vf', filters.join(','), '-fps_mode', 'vfr'],
    // Without a look ahead a frame is in the file as soon as it was seen.
    ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency'],
    ['-threads', '1', '-profile:v', 'high'],
    ['-crf', '26', '-maxrate', `${bitrateKbps}k`, '-bufsize', `${bitrateKbps * 2}k`],
    ['-force_key_frames', `expr:gte(t,n_forced*${KEYFRAME_SECONDS})`, '-video_track_timescale', '90000'],
    ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
    ['-frag_duration', String(FRAGMENT_SECONDS * 1_000_000), '-flush_packets', '1'],
    ['-f', 'mp4', '-y', output],
  ];
  return ['ffmpeg', ...groups.flat()];
}

/** Joins segments of one film, listed in a file of the concat demuxer, to an ordinary MP4 with its index in front. */
export function joinCommand(list: string, output: string): [string, ...string[]] {
  const groups = [
    ['-hide_banner', '-loglevel', 'error', '-nostdin', '-nostats'],
    ['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', '-movflags', '+faststart'],
    ['-f', 'mp4', '-y', output],
  ];
  return ['ffmpeg', ...groups.flat()];
}

/** Prints the length of a film in seconds. */
export function lengthCommand(path: string): [string, ...string[]] {
  return ['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path];
}
