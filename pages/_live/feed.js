// Polling instead of a stream: the script's fragment hands over the events it has.

export class Feed {
  part = "feed";
  always = true; // it has no height, and the visible panels depend on it

  update(data) {
    this.data = data;
  }

  draw(stream) {
    const { events } = this.data;
    if (events.length && events.at(-1).seq > stream.latest.seq) stream.ingest(events);
    if (stream.latest.seq !== this.told) {
      this.told = stream.latest.seq;
      this.component.setStateValue("seen", stream.latest.seq);
    }
  }
}
