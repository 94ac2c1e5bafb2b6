// The shapes of what the service answers, for the type checker and for readers. Nothing runs here.

// What a reader on this device and the service have in common, word for word, stands in local/types.js.

/** @typedef {import("./local/types.js").Probabilities} Probabilities */
/** @typedef {import("./local/types.js").Box} Box */

/**
 * One face, as `/v1/predict` and the on-device reader tell of it.
 * @typedef {object} Face
 * @property {Box} box
 * @property {number | null} score
 * @property {string} expression
 * @property {number} confidence
 * @property {boolean} is_certain
 * @property {Probabilities} probabilities
 * @property {import("./local/types.js").Quality} [quality]  Of photos alone.
 */

/** @typedef {Face & {person: number}} Sighting  One person on one frame; the number stays from frame to frame. */

/**
 * One picture that was read, or why it wasn't.
 * @typedef {object} Picture
 * @property {string} source
 * @property {number | null} [width]
 * @property {number | null} [height]
 * @property {Face[]} [faces]
 * @property {{code: string, message: string}} [error]
 */

/**
 * Who is on one frame of a clip or of the camera.
 * @typedef {object} Moment
 * @property {number} frame
 * @property {number} time_s
 * @property {number} width
 * @property {number} height
 * @property {Sighting[]} faces
 */

/**
 * All people together, and nobody alone: a bin of a clip, or what the camera shows now.
 * @typedef {object} Group
 * @property {Probabilities | null} shares
 * @property {number | null} [valence]
 * @property {string | null} [reason]  Why nothing is told.
 * @property {number | null} [faces]  On this frame.
 * @property {number | null} [faces_mean]
 * @property {number | null} [faces_max]
 * @property {number} [told_s]  Seconds of it that are told of.
 * @property {number} [start_s]
 * @property {number} [end_s]
 */

/** @typedef {{total: number, waiting: number, reading: number}} Latency  Milliseconds within the server. */

/** @typedef {{type: "hello", labels: string[], limits: Record<string, number>}} Hello  The first message. */
/** @typedef {{type: "moment", dropped: number, latency_ms: Latency} & Moment} LiveMoment */
/** @typedef {{type: "group", latency_ms?: Latency} & Group} LiveGroup */
/** @typedef {{type: "error", frame: number | null, code: string, message: string}} LiveError */
/** @typedef {Hello | LiveMoment | LiveGroup | LiveError} LiveAnswer */

/**
 * The last line of a clip.
 * @typedef {object} End
 * @property {"end"} type
 * @property {number} frames
 * @property {number | null} frames_with_faces  Null in group mode, as `persons`.
 * @property {number | null} persons
 * @property {boolean} is_complete
 * @property {string | null} note
 */

/** @typedef {{type: "error", problem: Problem}} ClipError */
/** @typedef {({type: "moment"} & Moment) | ({type: "group"} & Group) | End | ClipError} ClipRow */

/**
 * RFC 9457: what went wrong.
 * @typedef {object} Problem
 * @property {number} status
 * @property {string} code
 * @property {string} title
 * @property {string} detail
 * @property {Picture[]} [pictures]
 */

/** @typedef {{available: boolean, runtime: string, install: string, models: Record<string, string>}} BrowserMode */

/**
 * What the person chose by the switches.
 * @typedef {object} Choices
 * @property {boolean} smoothing
 * @property {boolean} group
 * @property {boolean} mirror
 * @property {"server" | "device"} where
 */

/**
 * Camera, photo or clip: a way to have faces read.
 * @typedef {object} Way
 * @property {() => void} enter  It is shown now.
 * @property {() => void} leave  Another one is shown; what is costly stops.
 * @property {(what: keyof Choices) => void} change  A switch was changed.
 * @property {() => void} stop  The person wants it to end.
 * @property {() => void} [more]  The person wants another file.
 */

export {};
