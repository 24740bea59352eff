import koffi from 'koffi';

/** A call to the kernel that failed, with the name of its error (`ENOENT`). */
export class KernelError extends Error {
  readonly errno: string;
  constructor(call: string, subject: string, errno: string) {
    super(`${call} ${subject}: ${errno}`);
    this.name = 'KernelError';
    this.errno = errno;
  }
}

type Argument = number | bigint | string | Buffer | null;
type NativeCall = (...args: Argument[]) => number;

function errnoName(): string {
  const value = koffi.errno();
  const known = Object.entries(koffi.os.errno).find(([, number]) => number === value);
  return known ? known[0] : `errno ${value}`;
}

/** Declares a C function whose negative result means failure; the wrapper then throws {@link KernelError}. */
export function declareCall(
  name: string,
  declaration: string,
): (subject: string, ...args: Argument[]) => number {
  let native: NativeCall | undefined;
  return (subject, ...args) => {
    native ??= koffi.load(null).func(declaration) as NativeCall;
    const result = native(...args);
    if (result < 0) throw new KernelError(name, subject, errnoName());
    return result;
  };
}
