/** Shape of one row of the generated error table. */
export interface ErrorEntry {
  /** What a device reports: area x 100 + n. Only for areas that exist on devices. */
  readonly number?: number;
  /** HTTP status. */
  readonly status: number;
  /** Exit code of the CLI. */
  readonly exit: number;
  /** The same request may work later. */
  readonly transient: boolean;
  readonly title: string;
  /** With {placeholders}. */
  readonly text: string;
  /** What the reader can do. */
  readonly hint: string;
}
