import type { Usage } from '@banata-boxes/sdk';
import { formatBytes, formatDuration } from '../../format.ts';

type Figures = Usage['total'];

/** What the tables show of a day or a sandbox, in this order. */
export const FIGURES: readonly { label: string; text: (figures: Figures) => string }[] = [
  { label: 'Sandbox time', text: (f) => formatDuration(f.sandboxSeconds * 1_000) },
  { label: 'Browser time', text: (f) => formatDuration(f.browserSeconds * 1_000) },
  { label: 'CPU time', text: (f) => formatDuration(f.cpuSeconds * 1_000) },
  { label: 'Memory, most', text: (f) => formatBytes(f.memoryPeakBytes) },
  { label: 'Disk, most', text: (f) => formatBytes(f.storagePeakBytes) },
  { label: 'Sent', text: (f) => formatBytes(f.egressBytes) },
  { label: 'Received', text: (f) => formatBytes(f.ingressBytes) },
  {
    label: 'Model tokens in / out',
    text: (f) => `${f.modelInputTokens.toLocaleString('en')} / ${f.modelOutputTokens.toLocaleString('en')}`,
  },
];
