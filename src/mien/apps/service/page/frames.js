// The frame that a video shows, small enough to be sent many times a second.

const LONGER_SIDE_PX = 640;
const JPEG_QUALITY = 0.85;

const shared = document.createElement("canvas");

/**
 * Draw the frame that a video shows, its longer side at most 640 pixels.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} [canvas]
 * @returns {HTMLCanvasElement | null} Null where there is no frame yet.
 */
function drawFrame(video, canvas = shared) {
  const { videoWidth, videoHeight } = video;
  if (!videoWidth || !videoHeight || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
  const scale = Math.min(1, LONGER_SIDE_PX / Math.max(videoWidth, videoHeight));
  canvas.width = Math.max(1, Math.round(videoWidth * scale));
  canvas.height = Math.max(1, Math.round(videoHeight * scale));
  canvas.getContext("2d", { willReadFrequently: true })?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * Return the frame that a video shows as a JPEG.
 * @param {HTMLVideoElement} video
 * @returns {Promise<Blob | null>}
 */
export function grabJpeg(video) {
  const canvas = drawFrame(video);
  return canvas ? new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY)) : Promise.resolve(null);
}

/**
 * Return the frame that a video shows as a bitmap, for the reader on this device.
 * @param {HTMLVideoElement} video
 * @returns {Promise<ImageBitmap | null>}
 */
export async function grabBitmap(video) {
  const canvas = drawFrame(video);
  return canvas ? createImageBitmap(canvas) : null;
}
