/** Look of text inputs. 16 px on phones, since smaller ones make them zoom. */
export const INPUT_CLASS =
  'w-full rounded-md border border-line bg-ground px-3 py-1.5 text-base sm:text-sm placeholder:text-soft/70 ' +
  'focus-visible:border-accent focus-visible:outline-none focus-visible:ring-1 focus-visible:ring-accent';
