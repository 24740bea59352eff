const JOIN_MS = 100;
/** A joined piece is handed on early when it gets this long, in characters. */
const MAX_JOINED = 16 * 1024;

/** A stretch of text that was written to one part of a message. */
export interface TextPiece {
  messageId: string;
  partId: string;
  text: string;
}

/** Joins the small pieces in which a model writes over about 100 ms. */
export class TextJoiner {
  readonly #emit: (piece: TextPiece) => void;
  readonly #pieces = new Map<string, TextPiece>();
  #timer: NodeJS.Timeout | null = null;

  constructor(emit: (piece: TextPiece) => void) {
    this.#emit = emit;
  }

  add(piece: TextPiece): void {
    const earlier = this.#pieces.get(piece.partId);
    const text = (earlier?.text ?? '') + piece.text;
    this.#pieces.set(piece.partId, { ...piece, text });
    if (text.length >= MAX_JOINED) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), JOIN_MS);
  }

  /** Hands on what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const pieces = [...this.#pieces.values()];
    this.#pieces.clear();
    for (const piece of pieces) this.#emit(piece);
  }
}
