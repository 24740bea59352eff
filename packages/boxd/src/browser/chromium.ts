import type { Viewport } from '@banata/protocol/box';
import { DIRECT_HOST } from '../proxy/proxy-environment.ts';

/** Names that Chromium would look up by itself whatever its other flags say. */
const SILENCED_HOSTS = [
  'clients2.google.com',
  'update.googleapis.com',
  'content-autofill.googleapis.com',
  'optimizationguide-pa.googleapis.com',
];

const DISABLED_FEATURES = [
  'OptimizationHints',
  'AutofillServerCommunication',
  'Translate',
  // Casting looks for devices by multicast.
  'MediaRouter',
  'DialMediaRouteProvider',
];

export interface ChromiumOptions {
  /** Program file. */
  binary: string;
  profileDir: string;
  viewport: Viewport;
  /** False where /dev/shm is too small for shared memory of pages; ordinary files are used then. */
  sharedMemory: boolean;
  /** `http://host:port` without credentials, of which Chromium takes none here. */
  proxyServer?: string | undefined;
}

/**
 * Command line of Chromium on the desktop, driven over descriptors 3 and 4.
 *
 * `--no-sandbox`: Chromium's own sandbox needs a setuid helper or user namespaces, and a box gives it neither (no
 * new privileges is on). The box is the boundary; Chromium runs under an account of its own in it, so that a page
 * that breaks out of its renderer is the `desktop` user and neither root nor the user of commands and agent.
 */
export function chromiumCommand(options: ChromiumOptions): [string, ...string[]] {
  const { width, height } = options.viewport;
  return [
    options.binary,
    `--user-data-dir=${options.profileDir}`,
    '--remote-debugging-pipe',
    '--no-sandbox',
    // Without it a bar warns of the flag above for ever.
    '--test-type',
    '--ozone-platform=x11',
    '--window-position=0,0',
    `--window-size=${width},${height}`,
    '--start-maximized',
    // With the pipe this keeps Chromium running when its last window is closed, by a person or a client
    // (`ChromeDevToolsManagerDelegate` in Chromium); the daemon opens the first window and the next one.
    '--no-startup-window',
    '--disable-gpu',
    // WebGL without a graphics card.
    '--enable-unsafe-swiftshader',
    ...(options.sharedMemory ? [] : ['--disable-dev-shm-usage']),
    '--lang=en-US',
    ...(options.proxyServer === undefined
      ? []
      : [`--proxy-server=${options.proxyServer}`, `--proxy-bypass-list=${DIRECT_HOST}`]),
    '--no-first-run',
    '--no-default-browser-check',
    '--no-pings',
    '--noerrdialogs',
    '--hide-crash-restore-bubble',
    '--password-store=basic',
    '--disable-quic',
    '--disable-sync',
    '--disable-breakpad',
    '--disable-extensions',
    '--disable-default-apps',
    '--disable-component-update',
    '--disable-domain-reliability',
    '--disable-background-networking',
    // The browser asks for its own accounts here, at a port that Chromium refuses to dial; pages are not affected.
    '--gaia-url=https://127.0.0.1:9',
    '--disable-client-side-phishing-detection',
    '--disable-search-engine-choice-screen',
    // `window.print()` saves a PDF among the downloads; the dialog would stop the page until somebody answers it.
    '--kiosk-printing',
    '--disable-component-extensions-with-background-pages',
    `--disable-features=${DISABLED_FEATURES.join(',')}`,
    `--host-resolver-rules=${SILENCED_HOSTS.map((host) => `MAP ${host} ~NOTFOUND`).join(', ')}`,
  ];
}

/** Settings of a fresh profile, as Chromium keeps them in `Default/Preferences`. */
export function chromiumPreferences(downloadsDir: string): object {
  return {
    browser: {
      // The window manager's frame, which it does not draw: no buttons that would hide the only window.
      custom_chrome_frame: false,
      has_seen_welcome_page: true,
    },
    // Asks a search service when a name is not found.
    alternate_error_pages: { enabled: false },
    credentials_enable_service: false,
    download: { default_directory: downloadsDir, directory_upgrade: true, prompt_for_download: false },
    net: { network_prediction_options: 2 },
    profile: { password_manager_enabled: false },
    savefile: { default_directory: downloadsDir },
    search: { suggest_enabled: false },
    // Signing in to the browser itself, which asks for accounts at every start; signing in to pages goes on.
    signin: { allowed: false, allowed_on_next_startup: false },
  };
}

/**
 * Prepares a profile and becomes Chromium: `sh -c SCRIPT sh PROFILE PREFERENCES PROGRAM ARGS…`. Runs under the
 * desktop's account: the daemon is root and must not follow links in a directory that the desktop can write.
 * The group may write what Chromium downloads; the profile is closed to all others.
 */
export const CHROMIUM_PREPARE = `
umask 0002
profile=$1 preferences=$2
shift 2
mkdir -p -m 0700 "$profile" && mkdir -p "$profile/Default" || exit 1
rm -f "$profile/SingletonLock" "$profile/SingletonSocket" "$profile/SingletonCookie"
if [ -n "$TMPDIR" ]; then
  mkdir -p "$TMPDIR/metrics" && rm -rf "$profile/BrowserMetrics" && ln -s "$TMPDIR/metrics" "$profile/BrowserMetrics"
fi
[ -e "$profile/Default/Preferences" ] || printf '%s' "$preferences" > "$profile/Default/Preferences"
exec "$@"
`;
