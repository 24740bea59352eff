import type { Readable } from 'node:stream';
import type { Viewport } from '@banata/protocol/box';
import type { Account } from '../services.ts';
import { Child } from './child.ts';
import type { DesktopFiles } from './desktop-files.ts';

const START_TIMEOUT_MS = 15_000;
/** Owner and group may connect; `-rfbunixmode` takes the number in decimal. */
const RFB_SOCKET_MODE = 0o660;

/** Xvnc, X server and VNC server in one, and the number of the display it took. */
export interface Display {
  xvnc: Child;
  name: string;
}

/** Starts Xvnc on a free display. @throws when it ends or does not answer within 15 s. */
export async function startDisplay(
  files: DesktopFiles,
  options: { account: Account; env: Record<string, string>; viewport: Viewport },
): Promise<Display> {
  const { width, height } = options.viewport;
  const settings = {
    '-displayfd': '3',
    '-auth': files.authority,
    '-geometry': `${width}x${height}`,
    '-depth': '24',
    '-dpi': '96',
    // No screen saver.
    '-s': '0',
    '-nolisten': 'tcp',
    '-desktop': 'Banata',
    '-rfbport': '-1',
    '-rfbunixpath': files.rfbSocket,
    '-rfbunixmode': String(RFB_SOCKET_MODE),
    '-SecurityTypes': 'None',
    // Errors only; it tells of every connection otherwise.
    '-Log': '*:stderr:0',
  };
  // Every viewer comes from the same socket: one that leaves early must not lock the others out.
  const switches = ['-noreset', '-AlwaysShared', '-UseBlacklist=0'];
  const command: [string, ...string[]] = ['Xvnc', ...Object.entries(settings).flat(), ...switches];
  const xvnc = new Child('Xvnc', command, { account: options.account, env: options.env, extraPipes: 1 });
  const number = await Promise.race([
    readLine(xvnc.process.stdio[3] as Readable | undefined),
    xvnc.exited.then((how) => new Error(`Xvnc ended: ${how}\n${xvnc.lastLines()}`)),
  ]);
  if (number instanceof Error) {
    await xvnc.stop(0);
    throw number;
  }
  return { xvnc, name: `:${number}` };
}

/** Xvnc writes the display's number, and with it the news that it takes clients, as one line. */
function readLine(stream: Readable | undefined): Promise<string | Error> {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(
      () => resolve(new Error(`Xvnc did not start in ${START_TIMEOUT_MS} ms.`)),
      START_TIMEOUT_MS,
    );
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!/^\d{1,5}\n/.test(text)) return;
      clearTimeout(timer);
      resolve(text.trim());
    });
    // An end without a number is told by the process's exit.
    stream?.on('close', () => clearTimeout(timer));
  });
}
