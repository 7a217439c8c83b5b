// What pages of the console do beyond HTML. Everything works without it, only less comfortably.
import "./relative-time.js";
import "./forms.js";
import "./keyboard.js";
import "./poll.js";
