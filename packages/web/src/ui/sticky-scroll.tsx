import { useEffect, useLayoutEffect, useRef, type ReactNode } from 'react';

/** Distance from the end that still counts as being there, in pixels. */
const NEAR_PX = 60;

interface Props {
  /** When this changes, the end is scrolled into view, unless the person has scrolled up. */
  watch: unknown;
  className?: string;
  children: ReactNode;
}

/** A scrolling box that stays at its end as it grows. */
export function StickyScroll({ watch, className = '', children }: Props): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);

  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [watch]);

  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const notice = ({ currentTarget }: { currentTarget: HTMLElement }): void => {
    const { scrollHeight, scrollTop, clientHeight } = currentTarget;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  };
  return (
    <div
      ref={box}
      onScroll={notice}
      tabIndex={0}
      className={`min-h-0 overflow-y-auto -outline-offset-2 ${className}`}
    >
      {children}
    </div>
  );
}
