import type { Usage } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { FIGURES } from './figures.ts';

type Figures = Usage['total'];

interface Props {
  /** What the rows are. */
  caption: string;
  rows: readonly { key: string; name: ReactNode; figures: Figures }[];
}

/** Figures by day or by sandbox, with a bar that shows the share of sandbox time. */
export function UsageTable({ caption, rows }: Props): ReactNode {
  const most = Math.max(1, ...rows.map(({ figures }) => figures.sandboxSeconds));
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table className="w-full text-right text-sm whitespace-nowrap tabular-nums">
        <caption className="sr-only">{caption}</caption>
        <thead className="text-soft">
          <tr>
            <th scope="col" className="px-4 py-2 text-left font-medium">
              {caption}
            </th>
            {FIGURES.map(({ label }) => (
              <th key={label} scope="col" className="px-3 py-2 font-medium last:pr-4">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {rows.map(({ key, name, figures }) => (
            <tr key={key}>
              <th scope="row" className="px-4 py-2 text-left font-normal">
                {name}
                <span
                  aria-hidden
                  className="mt-1 block h-1 rounded-full bg-accent/70"
                  style={{ width: `${Math.max(1, (figures.sandboxSeconds / most) * 100)}%` }}
                />
              </th>
              {FIGURES.map(({ label, text }) => (
                <td key={label} className="px-3 py-2 last:pr-4">
                  {text(figures)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
