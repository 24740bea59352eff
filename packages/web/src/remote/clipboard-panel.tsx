import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { Button } from '../ui/button.tsx';
import type { Screen } from './open-screen.ts';

interface Props {
  screen: RefObject<Screen | null>;
  /** Text that was copied in the remote browser last. */
  text: string;
  mayPaste: boolean;
}

/** The clipboard of the remote desktop: to read what was copied there, and to put text into it. */
export function ClipboardPanel({ screen, text, mayPaste }: Props): ReactNode {
  const area = useRef<HTMLTextAreaElement>(null);
  const [open, setOpen] = useState(false);

  useEffect(() => {
    if (area.current && document.activeElement !== area.current) area.current.value = text;
  }, [text, open]);

  return (
    <span className="relative">
      <button
        type="button"
        aria-label="Clipboard"
        aria-expanded={open}
        title="Clipboard of the remote browser"
        onClick={() => setOpen(!open)}
        className="grid size-8 place-items-center rounded-md text-soft hover:bg-raised hover:text-ink"
      >
        <svg aria-hidden="true" viewBox="0 0 24 24" className="size-5 fill-none stroke-current stroke-2">
          <path d="M9 4h6v3H9zM15 5.5h3v14H6v-14h3" strokeLinejoin="round" />
        </svg>
      </button>
      {open && (
        <span className="absolute top-10 right-0 z-10 flex w-72 max-w-[90vw] flex-col gap-2 rounded-lg border border-line bg-panel p-3 shadow-lg">
          <textarea
            ref={area}
            aria-label="Clipboard text"
            rows={5}
            defaultValue={text}
            className="w-full resize-none rounded-md border border-line bg-ground p-2 text-base"
          />
          <span className="flex justify-end gap-2">
            <Button onClick={() => void navigator.clipboard?.writeText(area.current?.value ?? '')}>
              Copy here
            </Button>
            <Button
              look="main"
              disabled={!mayPaste}
              title={mayPaste ? undefined : 'Take control first'}
              onClick={() => {
                screen.current?.setClipboard(area.current?.value ?? '');
                setOpen(false);
              }}
            >
              Send to browser
            </Button>
          </span>
        </span>
      )}
    </span>
  );
}
