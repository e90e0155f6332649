// Every page: times in the reader's own zone, kept fresh.

import { localise } from "../time.js";

localise(document);
setInterval(() => localise(document), 15_000);
