// The time machine: play, a slider over the frames, the step shown, back to the end, fork.
//
// data: { words, fork?: true }
// words: play, pause, time ("Step shown", the slider's name), step ("step {step} of {total}"),
//   live ("Live": back to what a running run shows now), end ("To the end"), fork ("Fork here"),
//   fork_help ("Go on from step {step} with other settings")
// trigger: fork → { run, step }; `run` is the id of the source

import { element, fill, whole } from "./format.js";

const ACTIVE = new Set(["connecting", "queued", "running", "paused"]);

export class Timeline {
  part = "timeline";

  constructor(root) {
    root.innerHTML = `<div class="gl-timeline"><div class="gl-times"><button type="button" class="gl-button gl-play"></button>
      <input type="range" min="0" step="1"><span class="gl-step"></span>
      <button type="button" class="gl-button gl-end"></button><button type="button" class="gl-button gl-fork"></button></div></div>`;
    [this.playButton, this.endButton, this.forkButton] = root.querySelectorAll("button");
    this.slider = root.querySelector("input");
    this.text = root.querySelector(".gl-step");
    this.playButton.onclick = handsBack(() => this.stream.togglePlay());
    this.endButton.onclick = handsBack(() => this.stream.follow());
    this.forkButton.onclick = handsBack(() => {
      this.component.setTriggerValue("fork", { run: this.stream.source.id, step: this.stream.keptStep() });
    });
    this.slider.oninput = () => this.choose(Number(this.slider.value));
    // While the thumb is held, new frames must not move it away from the pointer.
    this.slider.onpointerdown = () => { this.heldSteps = this.stream.steps(); };
    this.slider.onpointerup = this.slider.onpointercancel = () => { this.heldSteps = null; this.schedule(); };
  }

  update(data) {
    this.data = data;
    this.forkButton.hidden = !data.fork;
    this.forkButton.textContent = data.words.fork;
    this.slider.setAttribute("aria-label", data.words.time);
  }

  reset() {
    this.heldSteps = null;
  }

  // The far end of the slider follows the run again.
  choose(index) {
    const steps = this.heldSteps ?? this.stream.steps();
    if (index >= steps.length - 1) this.stream.follow();
    else this.stream.seek(steps[index]);
  }

  draw(stream) {
    const { words } = this.data;
    const steps = this.heldSteps ?? stream.steps();
    const few = steps.length < 2;
    const at = stream.cursor == null ? steps.length - 1 : steps.findLastIndex((step) => step <= stream.cursor);
    this.slider.disabled = this.playButton.disabled = few;
    this.slider.max = Math.max(1, steps.length - 1);
    this.slider.value = few ? 1 : Math.max(0, at);
    const total = stream.started?.steps_total ?? steps.at(-1) ?? 0;
    const text = few && !stream.count ? "" : fill(words.step, { step: whole(stream.step), total: whole(total) });
    this.text.replaceChildren(widest(words.step, total), element("span", "", text));
    this.slider.setAttribute("aria-valuetext", text);
    this.playButton.dataset.playing = Boolean(stream.playing);
    this.playButton.title = stream.playing ? words.pause : words.play;
    this.playButton.setAttribute("aria-label", this.playButton.title);
    this.endButton.textContent = ACTIVE.has(stream.state) ? words.live : words.end;
    this.endButton.classList.toggle("gl-away", stream.cursor == null);
    const kept = this.data.fork ? stream.keptStep() : null;
    this.forkButton.disabled = kept == null;
    this.forkButton.title = kept == null ? "" : fill(words.fork_help, { step: whole(kept) });
  }
}

// Keeps the room that the longest text needs, so that nothing moves while the numbers grow.
function widest(text, total) {
  const room = element("span", "gl-room", fill(text, { step: whole(total), total: whole(total) }));
  room.ariaHidden = "true";
  return room;
}

// After a click with the mouse the keyboard belongs to the bar again.
function handsBack(action) {
  return (event) => {
    action();
    if (event.detail) event.currentTarget.blur();
  };
}
