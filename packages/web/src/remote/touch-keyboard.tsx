import { useRef, type InputEvent, type ReactNode, type RefObject } from 'react';
import type { Screen } from './open-screen.ts';
import { typedChange } from './typed-change.ts';

/** Stands before what is typed, so that there is something to delete. */
const FILLER = '_'.repeat(64);

/** Takes what is typed with the keyboard of a phone or with an input method, and passes it on. */
export function TouchKeyboard({ screen }: { screen: RefObject<Screen | null> }): ReactNode {
  const input = useRef<HTMLTextAreaElement>(null);
  const before = useRef(FILLER);

  const refill = (area: HTMLTextAreaElement): void => {
    area.value = FILLER;
    before.current = FILLER;
    area.setSelectionRange(FILLER.length, FILLER.length);
  };
  const pass = (event: InputEvent<HTMLTextAreaElement>): void => {
    const area = event.currentTarget;
    screen.current?.type(typedChange(before.current, area.value));
    before.current = area.value;
    // Taking the text away in the middle of a word would confuse the keyboard.
    const used = area.value.length < 8 || area.value.length > 400;
    if (used && !event.nativeEvent.isComposing) refill(area);
  };
  const hold = (held: boolean): void => screen.current?.holdFocus(held);

  return (
    <span className="relative">
      <button
        type="button"
        aria-label="Keyboard"
        title="Keyboard of the phone, or input method: click and type"
        // Keeps the focus, and so the keyboard, where it is when the button closes it.
        onPointerDown={(event) => event.preventDefault()}
        onClick={() => {
          if (document.activeElement === input.current) input.current?.blur();
          else input.current?.focus();
        }}
        className="grid size-8 place-items-center rounded-md text-soft hover:bg-raised hover:text-ink"
      >
        <svg aria-hidden="true" viewBox="0 0 24 24" className="size-5 fill-none stroke-current stroke-2">
          <rect x="2.5" y="6" width="19" height="12" rx="2" />
          <path d="M6.5 10h0M10.2 10h0M13.8 10h0M17.5 10h0M8 14h8" strokeLinecap="round" />
        </svg>
      </button>
      <textarea
        ref={input}
        aria-label="Typed into the remote browser"
        tabIndex={-1}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        defaultValue={FILLER}
        onFocus={(event) => {
          refill(event.currentTarget);
          hold(true);
        }}
        onBlur={() => hold(false)}
        onInput={pass}
        // 16 px, since phones zoom to smaller inputs.
        className="pointer-events-none absolute inset-0 size-8 resize-none overflow-hidden text-base opacity-0"
      />
    </span>
  );
}
