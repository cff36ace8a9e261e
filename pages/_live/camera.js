// The visitor's camera in a square box. It starts by a click alone, and stops when the page is hidden or
// its panel goes. What the box shows is what is kept: the middle of the picture, mirrored unless
// the camera looks away from the visitor.
//
// words: camera (what the box is), start, stop, other (the next of several cameras), and why there is none:
//   refused, absent, busy (with another program), insecure (browsers give cameras to https alone)

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const WHY = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent", OverconstrainedError: "absent" };
const QUALITY = 0.85; // of the JPEGs

export class Camera {
  // changed(): it has started, stopped or failed.
  constructor(box, changed) {
    box.classList.add("gl-camera");
    box.innerHTML = `<video playsinline></video>
      <div class="gl-camera-off"><button class="gl-button" type="button"></button><p role="status"></p></div>
      <div class="gl-camera-on"><button class="gl-button" type="button"></button><button class="gl-button" type="button"></button></div>`;
    Object.assign(this, { box, changed, video: box.querySelector("video"), told: box.querySelector("p"), failure: "", several: false });
    [this.startButton, this.otherButton, this.stopButton] = box.querySelectorAll("button");
    this.startButton.onclick = () => this.start();
    this.stopButton.onclick = () => this.stop();
    this.otherButton.onclick = () => this.other();
    this.canvas = document.createElement("canvas");
    this.hide = () => { if (document.hidden) this.stop(); };
    document.addEventListener("visibilitychange", this.hide);
  }

  update(words) {
    this.words = words;
    this.video.setAttribute("aria-label", words.camera);
    for (const [button, name] of [[this.startButton, "start"], [this.otherButton, "other"], [this.stopButton, "stop"]]) button.textContent = words[name];
    this.render();
  }

  release() {
    document.removeEventListener("visibilitychange", this.hide);
    this.changed = () => {};
    this.stop();
  }

  get on() {
    return Boolean(this.stream);
  }

  async start(device) {
    this.stop();
    const asked = (this.asked = {});
    this.failure = "";
    this.render();
    try {
      const stream = await opened(device);
      if (this.asked !== asked) { end(stream); return; } // stopped meanwhile
      await this.show(stream);
    } catch (error) {
      if (this.asked !== asked) return;
      this.stop();
      this.failure = error instanceof Insecure ? "insecure" : WHY[error.name] ?? "busy";
    }
    this.asked = null;
    this.render();
    this.changed();
  }

  async show(stream) {
    const [track] = stream.getVideoTracks();
    track.onended = () => this.stop(); // unplugged, or the permission was taken back
    this.stream = stream;
    this.mirrored = track.getSettings().facingMode !== "environment";
    this.box.dataset.mirrored = String(this.mirrored);
    this.video.srcObject = stream;
    await this.video.play();
    this.several = (await cameras()).length > 1;
  }

  stop() {
    this.asked = null;
    if (!this.stream) return;
    end(this.stream);
    this.stream = this.video.srcObject = null;
    this.render();
    this.changed();
  }

  async other() {
    const { deviceId } = this.stream.getVideoTracks()[0].getSettings();
    const ids = (await cameras()).map((camera) => camera.deviceId);
    this.start(ids[(ids.indexOf(deviceId) + 1) % ids.length]);
  }

  // What the box shows now, as base64 of a JPEG of side × side; null where there is no picture yet.
  picture(side) {
    const { video, canvas, mirrored } = this;
    const { videoWidth: width, videoHeight: height } = video;
    const square = Math.min(width, height);
    if (!this.stream || !square) return null;
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    if (mirrored) context.setTransform(-1, 0, 0, 1, side, 0);
    context.drawImage(video, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
    return canvas.toDataURL("image/jpeg", QUALITY).split(",")[1];
  }

  render() {
    const { box, words, on, failure } = this;
    box.dataset.on = String(on);
    this.startButton.disabled = Boolean(this.asked);
    this.otherButton.hidden = !this.several;
    this.told.textContent = failure && words ? words[failure] : "";
  }
}

class Insecure extends Error {}

async function opened(device) {
  if (!navigator.mediaDevices) throw new Insecure();
  const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  return navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...which } });
}

async function cameras() {
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}

function end(stream) {
  for (const track of stream.getTracks()) track.stop();
}
