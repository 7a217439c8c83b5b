// What pages do beyond HTML. Everything works without it, only less comfortably.
import "./relative-time.js";
import "./forms.js";
import "./checking.js";
import "./countdown.js";
import "./keyboard.js";
import "./live.js";
import "./pending.js";
