import type { ReactNode } from 'react';
import { Button } from './button.tsx';

interface Props {
  label: string;
  /** A query that reads page after page. */
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };
}

/** Reads the next page, where there is one. */
export function MoreButton({ label, query }: Props): ReactNode {
  if (!query.hasNextPage) return null;
  return (
    <Button
      className="self-start"
      disabled={query.isFetchingNextPage}
      onClick={() => void query.fetchNextPage()}
    >
      {query.isFetchingNextPage ? 'Reading…' : label}
    </Button>
  );
}
