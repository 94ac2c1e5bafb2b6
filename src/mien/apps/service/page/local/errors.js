// @ts-check
/** What goes wrong on the device, with a stable code that the page can tell apart. */

/** @typedef {"runtime_absent" | "model_absent" | "model_unusable" | "bad_input" | "failed" | "closed"} LocalCode */

/** An error with a message for a person, and a code for the page. */
export class LocalError extends Error {
  /**
   * @param {LocalCode} code
   * @param {string} message What was wrong, and what to do.
   * @param {unknown} [cause]
   */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = "LocalError";
    this.code = code;
  }
}

/**
 * Return any error as a `LocalError`.
 *
 * @param {unknown} error
 * @returns {LocalError}
 */
export function toLocalError(error) {
  if (error instanceof LocalError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new LocalError("failed", `reading on this device failed: ${text}`, error);
}
