// Cameras of this device: opening one, changing it, letting it go.

export class Lens {
  /** @type {MediaStream | null} */
  #stream = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {() => void} onEnd  When the camera goes away by itself.
   */
  constructor(video, onEnd) {
    this.video = video;
    this.onEnd = onEnd;
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Which camera is on. */
  get deviceId() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Whether it looks at the person who holds the device; cameras that don't say so are taken to. */
  get isFront() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
  }

  /**
   * Open a camera.
   * @param {string} [deviceId]  The one in front without it.
   * @throws {DOMException} Named as the browser does: NotAllowedError, NotFoundError, NotReadableError, "insecure".
   */
  async open(deviceId) {
    if (!navigator.mediaDevices?.getUserMedia) {
      const error = new Error("no camera");
      error.name = "insecure";
      throw error;
    }
    this.close();
    const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
    this.#stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (this.#stream === stream) this.onEnd();
    });
    this.video.srcObject = stream;
    await this.video.play();
  }

  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** The cameras of this device; they have names once one was allowed. @returns {Promise<MediaDeviceInfo[]>} */
  async list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput");
  }
}
