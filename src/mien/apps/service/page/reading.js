// The side where the reading stands: people or the group, and lanes over time. One for all three ways.

import { Calm } from "./calm.js";
import { People, describeFace } from "./people.js";
import { speak } from "./notices.js";
import { Timeline } from "./timeline.js";
import { describeGroup, Together } from "./together.js";

/** @typedef {import("./types.js").Face} Face */
/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Sighting} Sighting */

const NOBODY = "No face in sight. Light from the front and a face at least as large as a thumbnail help.";
const MOST_SPOKEN = 4;

export class Reading {
  people = new People();
  together = new Together();
  timeline = new Timeline();
  #calm = new Calm();

  /** Take everything away, and say what to do. @param {string} text */
  invite(text) {
    speak(""); // what was told is over
    this.together.hide();
    this.people.invite(text);
  }

  /** Take everything away, and say what is waited for or why there is nothing. @param {string} [text] */
  wait(text = "Looking for faces.") {
    this.together.hide();
    this.people.clear(text);
  }

  /**
   * Show the people of one frame of the camera, here and on the lanes.
   * @param {Sighting[]} raw
   * @param {boolean} isSmoothing
   * @returns {Sighting[]}  As they are shown: what is about as likely as not doesn't flicker.
   */
  takeLive(raw, isSmoothing) {
    const { now_s } = this.timeline;
    const sightings = isSmoothing ? this.#calm.steady(raw, now_s) : raw;
    this.showSightings(sightings, true);
    this.timeline.add(now_s, sightings);
    return sightings;
  }

  /**
   * Show the people of one frame.
   * @param {Sighting[]} sightings
   * @param {boolean} isSpoken  Whether those who listen are told.
   */
  showSightings(sightings, isSpoken) {
    const inOrder = [...sightings].sort((one, other) => one.person - other.person);
    this.together.hide();
    this.people.show(inOrder, { nobody: NOBODY });
    if (isSpoken) speak(inOrder.length ? inOrder.slice(0, MOST_SPOKEN).map((face) => `Person ${face.person}: ${describeFace(face)}.`).join(" ") : "No face in sight.");
  }

  /**
   * Show the faces of a photo.
   * @param {Face[]} faces
   * @param {string} name  Of the photo.
   */
  showFaces(faces, name) {
    this.together.hide();
    this.people.show(faces, { word: "Face", isLive: false, nobody: "No face was found in this photo. A larger or sharper one may help." });
    const count = faces.length === 1 ? "1 face" : `${faces.length || "no"} faces`;
    const told = faces.slice(0, MOST_SPOKEN).map((face, place) => `Face ${place + 1}: ${describeFace(face)}.`);
    speak(`${name}: ${count}. ${told.join(" ")}`);
  }

  /** Show all together and nobody alone. @param {Group} group */
  showGroup(group) {
    this.people.clear("");
    this.together.show(group);
    speak(describeGroup(group));
  }
}
